#!/bin/sh
# Every fuzzer for so many seconds (60), one after the other, on what it found before and on the
# files that the tests have. A line of each; fails when one of them found something.
#
#   fuzz.sh BUILD_FOLDER [SECONDS [NAME...]]
set -eu
build=$1
seconds=${2:-60}
here=$(dirname "$0")
if [ $# -gt 2 ]; then shift 2; else set --; fi

case $seconds in
*[!0-9]* | '' | 0*)
	echo "fuzz.sh: '$seconds' is no number of seconds; write for example 300" >&2
	exit 2
	;;
esac
if [ $# = 0 ]; then
	for file in "$here"/fuzz_*.c; do
		set -- "$@" "$(basename "$file" .c | sed 's/^fuzz_//')"
	done
fi

code=0
for name; do
	found=$build/found/$name
	log=$found.log
	mkdir -p "$found"
	if "$build/tests/fuzz/fuzz_$name" "-max_total_time=$seconds" -timeout=20 \
		"-artifact_prefix=$found-" "$found" "$here/$name" > "$log" 2>&1; then
		sum=$(sed -n 's/^#\([0-9]*\).*DONE *cov: \([0-9]*\).*/\1 runs, \2 edges/p' "$log")
		printf '%-20s %s, nothing found\n' "$name" "$sum"
	else
		left=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
		printf '%-20s FOUND: %s; where it was: %s\n' "$name" "${left:-nothing was left}" "$log"
		code=1
	fi
done
exit $code
