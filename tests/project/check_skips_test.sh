#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The Hecaton authors
#
# check_skips_test.sh CHECK_SKIPS: runs scripts/check-skips on logs as ctest writes them.
set -euo pipefail

check_skips=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat >"$folder/log" <<'LOG'
100% tests passed, 0 tests failed out of 9

The following tests did not run:
	  3 - ThingTest.NeedsMore (Skipped)
	  7 - OtherTest.Works/2 (Skipped)

LOG

# expect STATUS EXPECTED_SKIPS WHOLE TEXT: status and output of the script for these arguments.
expect() {
  local status=0 output
  printf '# why\n\n%b' "$2" >"$folder/expected"
  output=$("$check_skips" "$folder/log" "$folder/expected" "$3") || status=$?
  if [[ $status != "$1" || $output != *"$4"* || (-z $4 && -n $output) ]]; then
    echo "expected skips '$2', whole=$3: status $status, '$output'; expected $1, '$4'"
    exit 1
  fi
}

expect 0 'ThingTest.NeedsMore a reason\nOtherTest.Works/2 a reason\n' 1 ''
expect 1 'ThingTest.NeedsMore a reason\n' 1 'skipped without being expected: OtherTest.Works/2 '
expect 1 'ThingTest.NeedsMore a reason\n' 0 'skipped without being expected: OtherTest.Works/2 '
expect 1 '' 1 'skipped without being expected: ThingTest.NeedsMore '
both='ThingTest.NeedsMore a reason\nOtherTest.Works/2 a reason\n'
expect 1 "${both}GoneTest.Gone a reason\n" 1 'it ran or is gone: GoneTest.Gone '
expect 0 "${both}GoneTest.Gone a reason\n" 0 ''
