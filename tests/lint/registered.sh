#!/bin/sh
# Every test file is run by ctest: tests/unit/test_x.c as unit.x, and so on; those of
# tests/vm by vm.sh.
#
#   registered.sh SOURCE_FOLDER BUILD_FOLDER
set -eu
cd "$1"
bad=0
known=$(ctest --test-dir "$2" -N | sed -n 's/^ *Test *#[0-9]*: //p')

for kind in unit fault node; do
	[ "$kind" = unit ] || grep -q 'CONNMON_BPF:BOOL=ON' "$2/CMakeCache.txt" || continue
	for file in "tests/$kind"/test_*.c; do
		name=$kind.$(basename "$file" .c | sed 's/^test_//')
		if ! echo "$known" | grep -qx "$name"; then
			echo "$file is not registered: no test is named $name"
			bad=1
		fi
	done
done
for file in tests/browser/test_*.py; do
	name=browser.$(basename "$file" .py | sed 's/^test_//')
	echo "$known" | grep -qx "$name" || { echo "$file is not registered: no test is named $name"; bad=1; }
done
for file in tests/vm/test_*.c; do
	name=$(basename "$file" .c | sed 's/^test_//')
	grep -q "^vm_test($name)$" tests/vm/CMakeLists.txt || { echo "$file is not registered"; bad=1; }
done
for file in tests/lint/*.sh; do
	name=lint.$(basename "$file" .sh)
	echo "$known" | grep -q "^$name" || { echo "$file is not registered"; bad=1; }
done
exit "$bad"
