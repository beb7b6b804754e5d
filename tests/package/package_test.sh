#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The Hecaton authors
#
# package_test.sh CASE: one test of the installed package, of the build as a part of another project,
# or of the examples. `install` comes first. CMake sets BUILD, SOURCE, TORCH (folders), LIBTORCH (its
# version), CXX, CXXFLAGS and MPIRUN (empty without MPI).
set -euo pipefail

: "${BUILD:?}" "${SOURCE:?}" "${TORCH:?}" "${LIBTORCH:?}"
work=$BUILD/package_test
package=$work/moved
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_btl_vader_single_copy_mechanism=none
unset HECATON_TORCH_DIR # each case says where LibTorch is

fail() {
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}

# configure FOLDER [-D...]: in FOLDER/build, output in FOLDER/log.
configure() {
  local folder=$1
  shift
  cmake -S "$folder" -B "$folder/build" -G Ninja -DCMAKE_BUILD_TYPE=Release "$@" >"$folder/log" 2>&1
}

# build FOLDER
build() {
  cmake --build "$1/build" >>"$1/log" 2>&1 || fail "$1 does not build: $(tail -n 20 "$1/log")"
}

# project FOLDER LINES: a project of a user, with a source that uses Hecaton and LibTorch.
project() {
  rm -rf "$1"
  mkdir -p "$1"
  printf '%s\n' 'cmake_minimum_required(VERSION 3.25)' 'project(user LANGUAGES CXX)' "$2" \
    >"$1/CMakeLists.txt"
  printf '%s\n' '#include <cstdio>' '#include <ATen/ops/ones.h>' '#include <hecaton/core/shapes.h>' \
    'int main() {' '  hecaton::check_shape("x", at::ones({2, 3}), {2, 3});' \
    '  std::puts("fits");' '}' >"$1/user.cpp"
}

# squeezed LOG: on one line, for CMake breaks lines as it likes.
squeezed() {
  tr -s '[:space:]' ' ' <"$1"
}

# expect_refused TEXT FOLDER [-D...]: configuring stops with this text alone.
expect_refused() {
  local text=$1 folder=$2 found
  shift 2
  ! configure "$folder" "$@" || fail "configured although it should say: $text"
  [[ $(grep -c '^CMake Error' "$folder/log") == 1 ]] || fail "not one error: $(cat "$folder/log")"
  found=$(squeezed "$folder/log")
  [[ $found == *"$text Call Stack"* ]] || fail "expected '$text', found: $found"
}

# run_examples FOLDER: the programs of a folder, in their own ways.
run_examples() {
  local bin=$1 run=$work/run
  rm -rf "$run"
  mkdir -p "$run"
  "$bin/moe_layer"
  "$bin/custom_training" "$run/a" 40 | tee "$run/alone"
  if [[ -n $MPIRUN ]]; then
    # Half of the way on two ranks, the other half on one, from what the two had saved.
    "$MPIRUN" -np 2 --oversubscribe --bind-to none "$bin/custom_training" "$run/b" 20 >"$run/on_two"
    "$bin/custom_training" "$run/b" 40 >>"$run/on_two"
    same_losses "$run/alone" "$run/on_two"
  fi
  cp "$SOURCE"/examples/custom_router/{recipe.yaml,custom_router.cpp} "$run"
  cd "$run"
  "$bin/custom_router" train recipe.yaml 2>log || fail "custom_router train: $(tail log)"
  "$bin/custom_router" eval runs/recipe --data custom_router.cpp 2>>log || fail "eval: $(tail log)"
  ! "$bin/custom_router" validate recipe.yaml moe.router.options.temprature=1 2>log ||
    fail "an unknown option was accepted"
  grep -q 'moe.router.options.temprature: unknown option (known: temperature)' log ||
    fail "no word of the unknown option: $(cat log)"
}

# Lines "step N loss X" of two runs, equal to 1e-10.
same_losses() {
  paste "$1" "$2" | awk '
    { difference = $4 - $8; if (difference < 0) difference = -difference }
    $2 != $6 || difference > 1e-10 * $4 { print "differs: " $0; bad = 1 }
    END { exit bad || NR != 8 }' || fail "one and two processes disagree"
}

# Installs under one name and moves the tree to another.
install() {
  rm -rf "$work"
  mkdir -p "$work"
  cmake --install "$BUILD" --prefix "$work/first" >"$work/log" || fail "$(tail -n 5 "$work/log")"
  mv "$work/first" "$package"
  local folder
  for folder in "$work" "$SOURCE" "$TORCH"; do
    ! grep --recursive --fixed-strings -- "$folder" "$package"/lib*/cmake "$package/include" ||
      fail "the package names a folder of this machine"
  done
  "$package/bin/hecaton" --version
  [[ -f $package/share/hecaton/configs/quickstart.yaml ]] || fail "no recipes"
}

# configure_after_torch LINES [-D...]: a project that has LibTorch before it looks for Hecaton.
configure_after_torch() {
  # shellcheck disable=SC2016 # CMake expands it
  project "$work/after" "$1"'
find_package(Hecaton CONFIG REQUIRED COMPONENTS core)
add_executable(user user.cpp)
target_link_libraries(user PRIVATE ${TORCH_LIBRARIES} hecaton::core)'
  shift
  configure "$work/after" "$@"
}

# Torch's own package has defined its targets and variables before; LibTorch is found through them. That
# package of a wheel with CUDA refuses a machine without a CUDA toolkit, where a target like its own
# stands in for it.
after_find_torch() {
  if ! configure_after_torch 'find_package(Torch REQUIRED)' "-DCMAKE_PREFIX_PATH=$TORCH/share/cmake;$package"; then
    [[ $(squeezed "$work/after/log") == *'cannot find the CUDA libraries'* ]] || fail "$(cat "$work/after/log")"
    configure_after_torch "add_library(torch SHARED IMPORTED)
set_target_properties(torch PROPERTIES IMPORTED_LOCATION $TORCH/lib/libtorch.so)
set(TORCH_LIBRARIES torch)" "-DCMAKE_PREFIX_PATH=$package" || fail "$(cat "$work/after/log")"
    grep -qxF "HECATON_TORCH_DIR:PATH=$TORCH" "$work/after/build/CMakeCache.txt" ||
      fail "another LibTorch than that of the target: $(grep HECATON_TORCH_DIR "$work/after/build/CMakeCache.txt")"
  fi
  build "$work/after"
  "$work/after/build/user"
}

# A missing LibTorch, another one, and an unknown component stop CMake with one line.
refusals() {
  local user=$work/refused torch=$work/other_torch
  # shellcheck disable=SC2016 # CMake expands it
  project "$user" 'find_package(Hecaton CONFIG ${HOW} COMPONENTS ${FOLDERS})
if(Hecaton_FOUND)
  message(STATUS "found it")
else()
  message(STATUS "found nothing")
endif()'
  local wanted=(-DHOW=REQUIRED -DFOLDERS=moe "-DHecaton_ROOT=$package")
  expect_refused "Hecaton was built with LibTorch $LIBTORCH, found no LibTorch in HECATON_TORCH_DIR='/nowhere'" \
    "$user" "${wanted[@]}" -DHECATON_TORCH_DIR=/nowhere

  mkdir -p "$torch/include/torch/headeronly" "$torch/lib"
  touch "$torch/lib/libtorch_cpu.so"
  echo 'NSt7__cxx1112basic_string' >"$torch/lib/libc10.so"
  printf '#define TORCH_VERSION_%s\n' 'MAJOR 2' 'MINOR 4' 'PATCH 1' >"$torch/include/torch/headeronly/version.h"
  expect_refused "Hecaton was built with LibTorch $LIBTORCH, found LibTorch 2.4.1 in HECATON_TORCH_DIR='$torch'" \
    "$user" "${wanted[@]}" "-DHECATON_TORCH_DIR=$torch"
  echo 'Ss' >"$torch/lib/libc10.so"
  expect_refused "Hecaton was built with LibTorch $LIBTORCH, found LibTorch 2.4.1 of the old C++ ABI in HECATON_TORCH_DIR='$torch'" \
    "$user" "${wanted[@]}" "-DHECATON_TORCH_DIR=$torch"
  expect_refused "Hecaton has no component 'mo': this package has core, kernels, moe, parallel, optim, models, checkpoint, recipes" \
    "$user" "${wanted[@]}" "-DHECATON_TORCH_DIR=$TORCH" -DFOLDERS=mo

  # Not required: no error, and the right LibTorch is found in the same build folder afterwards.
  configure "$user" "${wanted[@]}" "-DHECATON_TORCH_DIR=$torch" -DHOW=QUIET || fail "$(cat "$user/log")"
  grep -q -- '-- found nothing' "$user/log" || fail "found nevertheless: $(cat "$user/log")"
  configure "$user" "${wanted[@]}" "-DHECATON_TORCH_DIR=$TORCH" || fail "$(cat "$user/log")"
  grep -q -- '-- found it' "$user/log" || fail "not found: $(cat "$user/log")"
}

# As a part of another project only the folders asked for are there, and only what they need is looked for.
subproject() {
  # shellcheck disable=SC2016 # CMake expands it
  project "$work/parent" 'set(HECATON_COMPONENTS moe)
include(FetchContent)
FetchContent_Declare(hecaton GIT_REPOSITORY https://example.com/hecaton.git)
FetchContent_MakeAvailable(hecaton)
foreach(target core kernels moe parallel recipes)
  if(TARGET hecaton::${target})
    message(STATUS "has ${target}")
  endif()
endforeach()'
  configure "$work/parent" "-DFETCHCONTENT_SOURCE_DIR_HECATON=$SOURCE" "-DHECATON_TORCH_DIR=$TORCH" || fail "$(cat "$work/parent/log")"
  [[ $(sed -n 's/^-- has //p' "$work/parent/log" | paste -sd ' ') == 'core kernels moe' ]] ||
    fail "other folders: $(cat "$work/parent/log")"
  ! grep --extended-regexp '^(MPI_|GTest|yaml-cpp|CLI11|nlohmann|xxHash)' "$work/parent/build/CMakeCache.txt" ||
    fail "looked for what nobody asked for"
}

# The examples, copied away, build against the package and run.
examples() {
  local bin=$work/examples_bin example
  rm -rf "$work/examples" "$bin"
  cp -r "$SOURCE/examples" "$work/examples"
  mkdir "$bin"
  for example in moe_layer custom_training custom_router; do
    configure "$work/examples/$example" "-DCMAKE_PREFIX_PATH=$package" "-DHECATON_TORCH_DIR=$TORCH" ||
      fail "$(cat "$work/examples/$example/log")"
    build "$work/examples/$example"
    ln -s "$work/examples/$example/build/$example" "$bin"
  done
  run_examples "$bin"
}

case $1 in
  examples_of_the_build) mkdir -p "$work" && run_examples "$BUILD/bin" ;;
  install | after_find_torch | refusals | subproject | examples) "$1" ;;
  *) fail "unknown case '$1'" ;;
esac
