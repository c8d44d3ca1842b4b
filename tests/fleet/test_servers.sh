#!/bin/sh
# What the other tests of this folder stand on: two servers are two shards, what one has
# answered for outlives its SIGKILL, and a user may do what was said.
#
#   clickhouse.sh with 2 test_servers.sh
set -eu
server=$FLEET_CLICKHOUSE

# expect WHAT WANT HAVE
expect() { [ "$2" = "$3" ] || { echo "FAIL: $1: should be '$2', is '$3'"; exit 1; }; echo "ok: $1"; }
ask() { "$server" ask "$@"; }

expect "the version is Debian's or newer" 1 "$(ask 1 "SELECT toUInt32(splitByChar('.', version())[1]) >= 18")"
for n in 1 2; do
	ask $n "CREATE TABLE kept (node String, id UInt64) ENGINE = ReplacingMergeTree ORDER BY (node, id)"
	ask $n "CREATE TABLE fleet AS kept ENGINE = Distributed(connmon, default, kept, cityHash64(node))"
done
ask 1 "INSERT INTO fleet SELECT toString(number % 100), number FROM system.numbers LIMIT 10000"
for _ in $(seq 100); do
	[ "$(ask 2 "SELECT count() FROM fleet")" != 10000 ] || break
	sleep 0.1
done
expect "rows of both shards, seen from the second" 10000 "$(ask 2 "SELECT count() FROM fleet")"
expect "nodes that have rows in both" 100 "$(($(ask 1 "SELECT uniqExact(node) FROM kept") + \
	$(ask 2 "SELECT uniqExact(node) FROM kept")))"
one=$(ask 1 "SELECT count() FROM kept")
case $one in
0 | 10000) echo "FAIL: all rows are in one shard"; exit 1 ;;
esac

"$server" kill 1
ask 1 "SELECT 1" > "$FLEET_FOLDER/dead" 2>&1 && { echo "FAIL: a killed server answers"; exit 1; }
"$server" start 1
expect "rows after SIGKILL" "$one" "$(ask 1 "SELECT count() FROM kept")"
"$server" stop 1
"$server" start 1
expect "rows after a stop" "$one" "$(ask 1 "SELECT count() FROM kept")"

as() { # USER:PASSWORD SQL: the HTTP status
	curl -s -o "$FLEET_FOLDER/said" -w '%{http_code}' -u "$1" --data-binary "$2" "$FLEET_URL"
}
insert="INSERT INTO kept VALUES ('x', 1)"
expect "the writer writes" 200 "$(as writer:secret "$insert")"
[ "$(as writer:wrong "$insert")" != 200 ] || { echo "FAIL: any password will do"; exit 1; }
[ "$(as reader:secret "$insert")" != 200 ] || { echo "FAIL: the reader writes"; exit 1; }
expect "the reader reads" 200 "$(as reader:secret "SELECT count() FROM kept")"
