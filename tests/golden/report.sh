#!/bin/sh
# report.sh FILE: what a report prints must be what tests/golden/reports/<report>.<format>
# holds. If there is <report>.args, that has its words and options, and CONNMON_MANY_DB is
# asked, a longer history. Of a page, html, the style sheets, scripts and what is made of them are
# left out: those are files of their own. CONNMON_BLESS=1 writes the file instead: then read it.
# Needs in the environment: CONNMON_QUERY (the program), CONNMON_DB.
set -eu
want=$1
format=${want##*.}
report=$(basename "$want" ".$format")
args=$(dirname "$want")/$report.args
got=$(mktemp)
trap 'rm -f "$got"' EXIT

set --
if [ -e "$args" ]; then
	read -r words < "$args"
	eval "set -- $words"
	CONNMON_DB=$CONNMON_MANY_DB
	export CONNMON_DB
fi
"$CONNMON_QUERY" "$report" "$@" --format "$format" --quiet > "$got"
if [ "$format" = html ]; then
	sed -i -e '/^<style>/,/^<\/style>/d' -e '/^<script>/,/^<\/script>/d' \
		-e '/^<meta http-equiv/d' "$got"
fi
if [ -n "${CONNMON_BLESS:-}" ]; then
	cp "$got" "$want"
elif [ ! -e "$want" ]; then
	echo "$want is missing; make it with CONNMON_BLESS=1 ctest -L golden, and read it"
	exit 1
fi
diff -u "$want" "$got"
