#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The Hecaton authors
#
# find_libtorch_test.sh CMAKE MODULES: configures a project against two folders that look like a torch
# package, one after the other in the same build folder.
set -euo pipefail

cmake=$1 modules=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
unset HECATON_TORCH_DIR

for name in old new; do
  mkdir -p "$folder/$name/include/torch/headeronly" "$folder/$name/lib"
  echo NSt7__cxx1112basic_string >"$folder/$name/lib/libc10.so" # a symbol of the new C++ ABI
  touch "$folder/$name/lib/libtorch_cpu.so"
done
printf '#define TORCH_VERSION_%s\n' 'MAJOR 2' 'MINOR 1' 'PATCH 0' >"$folder/old/include/torch/headeronly/version.h"
printf '#define TORCH_VERSION_%s\n' 'MAJOR 2' 'MINOR 2' 'PATCH 0' >"$folder/new/include/torch/headeronly/version.h"
touch "$folder/old/lib/libtorch_cuda.so"

cat >"$folder/CMakeLists.txt" <<CMAKE
cmake_minimum_required(VERSION 3.25)
project(Probe LANGUAGES C)
list(PREPEND CMAKE_MODULE_PATH "$modules")
find_package(LibTorch REQUIRED)
message("FOUND \${LibTorch_VERSION} \${LibTorch_c10_LIBRARY} \${LibTorch_torch_cuda_LIBRARY}")
CMAKE

# expect TEXT ARGUMENT...: the line that a configuration with these arguments prints.
expect() {
  local expected=$1 output
  shift
  output=$("$cmake" -G Ninja -S "$folder" -B "$folder/build" "$@" 2>&1 || true)
  if [[ $(grep FOUND <<<"$output") != "$expected" ]]; then
    echo "with '$*': expected '$expected' in: $output"
    exit 1
  fi
}

old="FOUND 2.1.0 $folder/old/lib/libc10.so $folder/old/lib/libtorch_cuda.so"
new="FOUND 2.2.0 $folder/new/lib/libc10.so LibTorch_torch_cuda_LIBRARY-NOTFOUND"
expect "$old" -DHECATON_TORCH_DIR="$folder/old"
expect "$new" -DHECATON_TORCH_DIR="$folder/new"
expect "$new"
HECATON_TORCH_DIR=$folder/old expect "$old" -DHECATON_TORCH_DIR="$folder/new"
