#!/bin/sh
# tests/fault/README.md says where each promise is proved: every test that it names is one, and so
# is every sentence that one of them must prove.
#
#   promises.sh SOURCE_FOLDER BUILD_FOLDER
set -eu
cd "$1"
page=tests/fault/README.md
bad=0
grep -q 'CONNMON_BPF:BOOL=ON' "$2/CMakeCache.txt" || { echo "without CONNMON_BPF these tests are not built"; exit 77; }
known=$(ctest --test-dir "$2" -N | sed -n 's/^ *Test *#[0-9]*: //p')

names=$(grep -oE '\b(unit|fault|node|fuzz|golden|lint)\.[a-z_.]+\b' "$page" | sort -u)
for name in $names; do
	echo "$known" | grep -qxF "$name" || { echo "$page: no test is named $name"; bad=1; }
done

# A sentence has three underscores at least, and is no name of a test.
sentences=$(grep -oE '(^|[ ,])[a-z0-9]+(_[a-z0-9]+){3,}' "$page" | tr -d ' ,' | sort -u)
if [ -z "$names" ] || [ -z "$sentences" ]; then
	echo "$page: names no test"
	exit 1
fi
for sentence in $sentences; do
	grep -rqE "\\b$sentence\\b" tests/fault/*.c tests/node/*.c ||
		{ echo "$page: no test proves that $sentence"; bad=1; }
done
for n in $(seq 1 20); do
	grep -q "^| P$n |" "$page" || { echo "$page: nothing is said of P$n"; bad=1; }
done
exit "$bad"
