#!/bin/sh
# Asked while a collector records: what a cursor file shows, what the doctor finds, since when
# the node is up.
#
#   asking.sh COLLECT QUERY STORM      (paths of the programs)
#
# Needs root and kernel BTF; exit code 77 tells ctest "skipped". The collector gets the
# words of CONNMON_NODE_OPTIONS, too.
set -eu
collect=$1
query=$2
storm=$3

skip() { echo "SKIP: $1"; exit 77; }
fail() { echo "FAIL: $1"; cat "$tmp/err"; exit 1; }
[ "$(id -u)" = 0 ] || skip "needs root"
[ -r /sys/kernel/btf/vmlinux ] || skip "this kernel offers no BTF (/sys/kernel/btf/vmlinux)"

pid=
tmp=$(mktemp -d)
trap '[ -z "$pid" ] || kill -KILL "$pid"; rm -rf "$tmp"' EXIT
export CONNMON_DB="$tmp/connmon.db"

# expect WHAT WANT HAVE
expect() { [ "$2" = "$3" ] || fail "$1: should be '$2', is '$3'"; echo "ok: $1"; }

start() {
	# shellcheck disable=SC2086 # a list of words
	"$collect" --retain 7d ${CONNMON_NODE_OPTIONS:-} 2> "$tmp/err" &
	pid=$!
	for _ in $(seq 100); do
		if grep -q 'connmon-collect: ready' "$tmp/err"; then break; fi
		kill -0 "$pid" || fail "the collector did not start"
		sleep 0.1
	done
}

number() { sqlite3 "$CONNMON_DB" "$1"; }
see() { "$query" list --cursor-file "$tmp/cursor" --since 1h --format csv 2> "$tmp/remarks"; }
finding() { # CHECK: state and finding
	"$query" doctor --format json > "$tmp/doctor.json" 2>> "$tmp/err" || true
	sqlite3 :memory: "SELECT value ->> 'state' || ': ' || (value ->> 'finding')
		FROM json_each(readfile('$tmp/doctor.json')) WHERE value ->> 'check' = '$1'"
}

start
expect "a new collector is well" "ok: process $pid (connmon-collect, user 0) runs since" \
	"$(finding collector | sed 's/ since .*/ since/')"
expect "its retention" "ok: --retain 7d --retain-totals 400d --max-size 4G" "$(finding retention)"

# Nobody waits for the rows here: some runs see none of them, some see parts.
: > "$tmp/seen"
for round in 1 2 3 4 5 6; do
	"$storm" 200 10 10 >> "$tmp/truth"
	see | tail -n +2 >> "$tmp/seen"
	if [ "$round" = 3 ]; then
		kill -KILL "$pid"
		wait "$pid" || true
		pid=
		start
	fi
done
grep -q 'last written' "$tmp/remarks" || fail "the freshness is not told: $(cat "$tmp/remarks")"
echo "ok: the freshness is told"
kill -TERM "$pid"
wait "$pid" || fail "the collector's exit code is $?"
pid=
expect "the account" "of N ends that the last run saw" \
	"$(finding account | sed 's/^[a-z]*: //; s/ [0-9]* / N /; s/,.*//')"
see | tail -n +2 >> "$tmp/seen"
expect "what is new after the last run" 0 "$(see | tail -n +2 | wc -l)"

sed 's/.*,//' "$tmp/seen" > "$tmp/ids"
expect "rows that were shown" "$(number 'SELECT count(*) FROM connection')" "$(wc -l < "$tmp/ids")"
expect "rows that were shown twice" "" "$(sort "$tmp/ids" | uniq -d)"
[ "$(wc -l < "$tmp/ids")" -ge 1200 ] || fail "of three storms before the kill and three after are few there"

expect "a collector that ended" "fail: process ended" \
	"$(finding collector | sed 's/none is running since.*/process ended/')"
"$query" doctor > "$tmp/doctor.txt" 2>> "$tmp/err" && fail "the doctor is content"
echo "ok: the doctor's exit code"

booted=$("$query" list --since boot --limit 1 --format csv 2>&1 > "$tmp/rows" |
	sed -n 's/^connmon-query: \([^ ]*\) to .*/\1/p')
difference=$(($(date -d "$booted" +%s) - $(sed -n 's/^btime //p' /proc/stat)))
case $difference in
-2 | -1 | 0 | 1 | 2) ;;
*) fail "booted at $booted, by $difference s wrong" ;;
esac
echo "ok: the boot"
