#!/bin/sh
# cppcheck finds nothing in our C (it does not see generated files).
#
#   cppcheck.sh SOURCE_FOLDER
set -eu
cd "$1"
command -v cppcheck || { echo "cppcheck is missing: ./dev test installs it"; exit 1; }
# A place where it is wrong says so in the code: // cppcheck-suppress <id>.
# The BPF object is C for another machine and has clang alone to judge it.
cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 \
	--enable=warning,performance,portability --suppress=missingIncludeSystem \
	--suppress=normalCheckLevelMaxBranches \
	--include=tests/lint/macros.h -D_GNU_SOURCE -I. -Ischema -Ibpf -Icollector -Iquery \
	schema collector query tests
