# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The Hecaton authors
#
# What the scripts share; sourced, not run. Enters the repository's root, wherever it was called from.

script=$(basename "$0")

# A LibTorch of the user's own may be named relative to the folder the script was called from.
if [[ -n ${HECATON_TORCH_DIR:-} ]]; then
  HECATON_TORCH_DIR=$(realpath --canonicalize-missing -- "$HECATON_TORCH_DIR")
  export HECATON_TORCH_DIR
fi

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
mkdir -p build/logs

# mpirun refuses to run as root unless told twice, and containers often forbid the one-copy path of
# its shared memory, about which it complains once per message.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_btl_vader_single_copy_mechanism=none

# Objects are found again in ccache by a clone in another folder.
export CCACHE_BASEDIR="$root" CCACHE_NOHASHDIR=1

# dependency NAME: its version in cmake/dependencies.txt.
dependency() {
  awk -v name="$1" '$1 == name { print $3 }' cmake/dependencies.txt
}

# fail CODE TEXT: ends the script with one line on stderr.
fail() {
  printf '%s: %s\n' "$script" "$2" >&2
  exit "$1"
}

# elapsed START: the time since $SECONDS was START, as "12 s" or "3 min 5 s".
elapsed() {
  local s=$((SECONDS - $1))
  if ((s < 60)); then
    echo "$s s"
  else
    echo "$((s / 60)) min $((s % 60)) s"
  fi
}

# first_error LOG: the line of a log that best says why its command failed, with what belongs to it.
first_error() {
  local signs='error:|CMake Error|undefined reference|^E: |^Err:|Traceback|terminate called'
  signs+='|No space left|Temporary failure|Connection (refused|timed out)|connection broken'
  local text
  # CMake says what is wrong in the indented lines below; of pip only the reason is of use.
  text=$(grep --text --ignore-case --extended-regexp --max-count=1 --after-context=8 -- "$signs" "$1" |
    sed -E '1 { /CMake Error/!q }; 2,$ { /^[^ ]/Q }' | sed -E 's/.* object at 0x[0-9a-f]+>: //' |
    tr -s '[:space:]' ' ')
  [[ -n $text ]] || text=$(grep --text . "$1" | tail -n 1)
  text=${text#error: }
  text=${text% }
  echo "${text:0:600}"
}

# show_progress LABEL: on a terminal keeps beside LABEL how far its input has come: a build's [12/80] or
# a training's step 12/80 | loss 2.3412.
show_progress() {
  local line progress='^\[[0-9]+/[0-9]+\]|step [0-9]+/[0-9]+ \| loss [^ ]+'
  while IFS= read -r line; do
    if [[ -t 1 && $line =~ $progress ]]; then
      printf '\r%s ... %s ' "$1" "${BASH_REMATCH[0]}"
    fi
  done
}

# stage LOG TITLE COMMAND...: runs a command or function as the next of $num_stages stages. Its output
# goes to build/logs/LOG.log; if it fails, the script ends with its status and one line.
num_stages=0
stage_idx=0
stage() {
  local log=build/logs/$1.log start=$SECONDS label status
  stage_idx=$((stage_idx + 1))
  label="[$stage_idx/$num_stages] $2"
  shift 2
  printf '%s ... ' "$label"
  # Not in a condition: there bash would go on after a failed command of a function.
  set +e
  (
    set -e
    "$@"
  ) </dev/null 2>&1 | tee "$log" | show_progress "$label"
  status=${PIPESTATUS[0]}
  set -e
  if [[ -t 1 ]]; then
    printf '\r\033[K%s ... ' "$label"
  fi
  if ((status != 0)); then
    echo "failed after $(elapsed "$start")"
    fail "$status" "stage ${label%% (*} failed: $(first_error "$log") (log: $root/$log)"
  fi
  elapsed "$start"
}
