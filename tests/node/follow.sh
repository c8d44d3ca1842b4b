#!/bin/sh
# Followed while a collector records, is killed, ends, and begins a database anew: each
# connection is shown once, soon after it ended.
#
#   follow.sh COLLECT QUERY STORM      (paths of the programs)
#
# Needs root and kernel BTF; exit code 77 tells ctest "skipped". The collector gets the
# words of CONNMON_NODE_OPTIONS, too.
set -eu
collect=$1
query=$2
storm=$3

skip() { echo "SKIP: $1"; exit 77; }
fail() { echo "FAIL: $1"; cat "$tmp/err" "$tmp/said"; exit 1; }
[ "$(id -u)" = 0 ] || skip "needs root"
[ -r /sys/kernel/btf/vmlinux ] || skip "this kernel offers no BTF (/sys/kernel/btf/vmlinux)"

pid=
follower=
tmp=$(mktemp -d)
trap '[ -z "$pid" ] || kill -KILL "$pid"; [ -z "$follower" ] || kill -KILL "$follower"
	rm -rf "$tmp"' EXIT
export CONNMON_DB="$tmp/connmon.db"

expect() { [ "$2" = "$3" ] || fail "$1: should be '$2', is '$3'"; echo "ok: $1"; }

start() {
	# shellcheck disable=SC2086 # a list of words
	"$collect" --retain 7d ${CONNMON_NODE_OPTIONS:-} 2> "$tmp/err" &
	pid=$!
	await "the collector starts" "grep -q 'connmon-collect: ready' '$tmp/err'"
}

end() { # SIGNAL
	kill "-$1" "$pid"
	wait "$pid" || true
	pid=
}

# await WHAT COMMAND: until it succeeds
await() {
	for _ in $(seq 300); do
		if sh -c "$2"; then return; fi
		sleep 0.1
	done
	fail "$1: waited in vain"
}

ids() { # of all databases there were, in the order of the ends
	for db in "$tmp"/connmon.db "$tmp"/old.db; do
		[ -e "$db" ] || continue
		sqlite3 "$db" "SELECT id FROM connection WHERE id > $since"
	done | sort -n
}
shown() { sed -n 's/.*"id": \([0-9]*\)}$/\1/p' "$tmp/rows"; }

# all_shown WHAT: waits until as many are shown as are recorded, and compares.
all_shown() {
	n=$(ids | wc -l)
	await "$1" "[ \$(wc -l < '$tmp/rows') -ge $n ]"
	ids > "$tmp/ids"
	shown > "$tmp/shown"
	cmp "$tmp/ids" "$tmp/shown" || fail "$1: what is shown is not what is recorded"
	echo "ok: $1 ($n connections)"
}

since=$(date +%s)000000
"$query" follow --format jsonl > "$tmp/rows" 2> "$tmp/said" &
follower=$!
await "it waits for a database" "grep -q 'no such file.*waiting' '$tmp/said'"
start
"$storm" 500 10 10 >> "$tmp/truth"
await "something is shown" "[ -s '$tmp/rows' ]"

# How long the newest has been over when it is shown: three of four within 1.5 s, as a node
# may be slow.
soon=0
for _ in 1 2 3 4; do
	n=$(wc -l < "$tmp/rows")
	"$storm" 1 1 1 >> "$tmp/truth"
	over_us=$(date +%s%6N)
	await "one more is shown" "[ \$(wc -l < '$tmp/rows') -gt $n ]"
	[ $(($(date +%s%6N) - over_us)) -gt 1500000 ] || soon=$((soon + 1))
done
[ "$soon" -ge 3 ] || fail "only $soon of 4 were shown within 1.5 s"
echo "ok: shown within 1.5 s ($soon of 4)"

for round in 1 2 3; do
	"$storm" 3000 10 10 >> "$tmp/truth"
	if [ "$round" = 2 ]; then end KILL; else end TERM; fi
	start
done
end TERM
all_shown "over three restarts"
grep -q 'gap: stopped' "$tmp/said" || fail "the gaps are not told"
grep -q 'no collector is running since' "$tmp/said" || fail "that none is running is not told"
echo "ok: what is said"

for ending in "" -wal -shm; do
	[ ! -e "$CONNMON_DB$ending" ] || mv "$CONNMON_DB$ending" "$tmp/old.db$ending"
done
start
"$storm" 500 10 10 >> "$tmp/truth"
end TERM
all_shown "in a database begun anew"
grep -q 'begun anew' "$tmp/said" || fail "that it was begun anew is not told"
[ "$(wc -l < "$tmp/rows")" -ge 10000 ] || fail "of 10504 attempts few are shown"

kill -TERM "$follower"
wait "$follower" || true
follower=

"$query" follow --since 1h 2>> "$tmp/said" | head -n 3 > "$tmp/head"
expect "a reader that has enough" 3 "$(wc -l < "$tmp/head")"
