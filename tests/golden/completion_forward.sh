#!/bin/sh
# completion_forward.sh SHELL SOURCE_FOLDER SCRIPT: what a real shell offers for connmon-forward.
# Needs in the environment: CONNMON_FORWARD (the program).
set -eu
LC_ALL=C
CONNMON_COMPLETES=connmon-forward
CONNMON_SCRIPT=$3
export LC_ALL CONNMON_COMPLETES CONNMON_SCRIPT
shell=$1
here=$2/tests/golden
command -v "$shell" || { echo "$shell is missing: ./dev test installs it"; exit 1; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
: > "some file"
ZSH_COMPDUMP=$dir/dump
export ZSH_COMPDUMP
bad=0

"$here/complete.sh" "$shell" "connmon-forward --" > got
"$CONNMON_FORWARD" --help | sed -nE 's/^  (-., |    )(--[a-z-]+).*/\2/p' | sort > want
[ -s want ] || bad=1
diff -u want got || { echo "$shell: not the options of --help"; bad=1; }
"$here/complete.sh" "$shell" "connmon-forward --stat" > got
printf '%s\n' --state --status | diff -u - got || { echo "$shell: --stat"; bad=1; }
"$here/complete.sh" "$shell" "connmon-forward --db so" > got
grep -q '^some' got || { echo "$shell offers no files for --db"; bad=1; }
"$here/complete.sh" "$shell" "connmon-forward --every " > got
[ ! -s got ] || { echo "$shell: --every:"; cat got; bad=1; }
exit $bad
