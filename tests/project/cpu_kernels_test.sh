#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The Hecaton authors
#
# cpu_kernels_test.sh NM LIBRARY SOURCE...: sources compiled for one kind of CPU share no symbol with any other
# source. Where two objects hold a weak symbol, the linker keeps one for all: it could be that of a CPU that
# this one is not.
set -euo pipefail

nm=$1 library=$2
shift 2
symbols=$("$nm" --demangle --print-file-name "$library")
for source in "$@"; do
  # LIBRARY:OBJECT:ADDRESS KIND NAME, where the kinds W, w, V, v and u are shared between objects. DW.ref.* is
  # the address of the C++ library's, the same for all.
  object=$(awk -v object=":$(basename "$source").o:" 'index($1, object)' <<<"$symbols")
  if [[ -z $object ]]; then
    echo "expected an object of $source in $library, found none"
    exit 1
  fi
  shared=$(awk '$2 ~ /^[WwVvu]$/ && $3 !~ /^DW\.ref\./' <<<"$object")
  if [[ -n $shared ]]; then
    echo "symbols that other sources may share:"
    echo "$shared"
    exit 1
  fi
done
