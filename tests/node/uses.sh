#!/bin/sh
# The three uses, as a user types them: collect, query, sqlite3.
#
#   uses.sh COLLECT QUERY STORM      (paths of the programs)
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

# expect WHAT WANT HAVE
expect() { [ "$2" = "$3" ] || fail "$1: should be '$2', is '$3'"; echo "ok: $1"; }

# shellcheck disable=SC2086 # a list of words
"$collect" --db "$tmp/connmon.db" ${CONNMON_NODE_OPTIONS:-} 2> "$tmp/err" &
pid=$!
for _ in $(seq 100); do
	if grep -q 'connmon-collect: ready' "$tmp/err"; then break; fi
	kill -0 "$pid" || fail "the collector did not start"
	sleep 0.1
done

"$storm" 10 100 200 > "$tmp/truth"
netns=$(sed 's/.*netns=\([0-9]*\).*/\1/' "$tmp/truth")
client=$(sed 's/.*client=\([0-9]*\).*/\1/' "$tmp/truth")
server=$(sed 's/.*server=\([0-9]*\).*/\1/' "$tmp/truth")
# The number of a namespace is given away again when it is gone: look by process, too.
ours="netns = $netns AND pid IN ($server, $client)"
for _ in $(seq 100); do
	n=$(sqlite3 "$tmp/connmon.db" "SELECT count(*) FROM connections WHERE $ours")
	if [ "$n" = 20 ]; then break; fi
	sleep 0.1
done
expect "rows of 10 connections" 20 "$n"

export CONNMON_DB="$tmp/connmon.db"
"$query" top-destinations --since 1h --netns "$netns" --pid "$client" --format json > "$tmp/top.json" 2>> "$tmp/err"
first() { sqlite3 :memory: "SELECT json_extract(readfile('$tmp/top.json'), '\$[0].$1')"; }
expect "destinations" 1 \
	"$(sqlite3 :memory: "SELECT json_array_length(readfile('$tmp/top.json'))")"
expect "the destination" 127.0.0.1 "$(first peer_addr)"
expect "its port" 4711 "$(first service_port)"
expect "its connections" 10 "$(first connections)"

"$query" top-destinations --since 1h > "$tmp/top.txt" 2>> "$tmp/err"
grep -q '127\.0\.0\.1' "$tmp/top.txt" || fail "the table does not show 127.0.0.1"
echo "ok: the table"

expect "lines of sqlite3" 5 \
	"$(sqlite3 "$tmp/connmon.db" "SELECT * FROM connections LIMIT 5" | wc -l)"
expect "what sqlite3 shows of the client" "out|closed|storm-client|$client|127.0.0.1|4711|100|200" \
	"$(sqlite3 "$tmp/connmon.db" "SELECT DISTINCT direction, outcome, comm, pid, peer_addr,
	    peer_port, tx_bytes, rx_bytes FROM connections WHERE $ours
	    AND direction = 'out'")"

kill -TERM "$pid"
wait "$pid" || fail "the collector's exit code is $?"
pid=
expect "rows after the collector ended" 5 \
	"$(sqlite3 "$tmp/connmon.db" "SELECT * FROM connections LIMIT 5" | wc -l)"
