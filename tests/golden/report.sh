#!/bin/sh
# report.sh FILE: what a report prints must be what tests/golden/reports/<report>.<format>
# holds. CONNMON_BLESS=1 writes the file instead: then read it.
# Needs in the environment: CONNMON_QUERY (the program), CONNMON_DB.
set -eu
want=$1
format=${want##*.}
report=$(basename "$want" ".$format")
got=$(mktemp)
trap 'rm -f "$got"' EXIT

"$CONNMON_QUERY" "$report" --format "$format" --quiet > "$got"
if [ -n "${CONNMON_BLESS:-}" ]; then
	cp "$got" "$want"
elif [ ! -e "$want" ]; then
	echo "$want is missing; make it with CONNMON_BLESS=1 ctest -L golden, and read it"
	exit 1
fi
diff -u "$want" "$got"
