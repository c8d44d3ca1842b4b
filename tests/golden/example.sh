#!/bin/sh
# example.sh FILE.sql: the example in a report's header must run as it is typed.
# Needs in the environment: CONNMON_QUERY (the program), CONNMON_DB.
set -eu
example=$(sed -n 's/^-- example: *//p' "$1")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
ln -s "$CONNMON_QUERY" "$dir/connmon-query"
case $example in
"connmon-query $(basename "$1" .sql) "*) ;;
*)
	echo "the example of $1 asks for another report: $example"
	exit 1
	;;
esac
PATH=$dir:$PATH sh -c "$example"
