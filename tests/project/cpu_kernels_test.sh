#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The Hecaton authors
#
# cpu_kernels_test.sh NM LIBRARY: the sources compiled for one kind of CPU share no symbol with any other
# source. Where two objects hold a weak symbol, the linker keeps one for all: it could be that of a CPU that
# this one is not.
set -euo pipefail

nm=$1 library=$2
symbols=$("$nm" --demangle --print-file-name "$library")
# LIBRARY:ffn_*.o:ADDRESS KIND NAME, where the kinds W, w, V, v and u are shared between objects. DW.ref.* is
# the address of the C++ library's, the same for all.
objects=$(grep --only-matching ':ffn_[a-z0-9_]*\.cpp\.o' <<<"$symbols" | sort --unique | wc --lines)
if [[ $objects != 4 ]]; then
  echo "expected 4 objects ffn_*.cpp.o in $library, found $objects"
  exit 1
fi
shared=$(awk '$1 ~ /:ffn_[a-z0-9_]*\.cpp\.o:/ && $2 ~ /^[WwVvu]$/ && $3 !~ /^DW\.ref\./' <<<"$symbols")
if [[ -n $shared ]]; then
  echo "symbols that other sources may share:"
  echo "$shared"
  exit 1
fi
