#!/bin/sh
# Names from DNS answers to reports: programs look names up with a real resolver (dnsmasq) and
# connect, and the reports show, find and sum by what was asked for, when it was.
#
#   named.sh COLLECT QUERY      (paths of the programs)
#
# Needs root and kernel BTF; exit code 77 tells ctest "skipped". All of it is in a network namespace
# of its own, with resolv.conf of its own.
set -eu
if [ -z "${CONNMON_INSIDE:-}" ]; then
	[ "$(id -u)" = 0 ] || { echo "SKIP: needs root"; exit 77; }
	[ -r /sys/kernel/btf/vmlinux ] || { echo "SKIP: this kernel offers no BTF"; exit 77; }
	for tool in dnsmasq python3 ip sqlite3; do
		command -v $tool || { echo "$tool is missing: ./dev test installs it"; exit 1; }
	done
	CONNMON_INSIDE=1 exec unshare --net --mount "$0" "$@"
fi
collect=$1
query=$2
tmp=$(mktemp -d)
pids=
end() {
	for pid in $pids; do kill -KILL "$pid" 2> /dev/null || true; done
	rm -rf "$tmp"
}
trap end EXIT
export CONNMON_DB="$tmp/connmon.db"

fail() { echo "FAIL: $1"; cat "$tmp"/*.err; exit 1; }
expect() { [ "$2" = "$3" ] || fail "$1: should be '$2', is '$3'"; echo "ok: $1"; }

# wait_for FILE WORDS
wait_for() {
	for _ in $(seq 200); do
		grep -q "$2" "$1" && return
		sleep 0.1
	done
	fail "no \"$2\" in $1"
}

ip link set lo up
for address in 192.0.2.10/32 192.0.2.11/32 2001:db8::10/128; do
	ip addr add "$address" dev lo
done
echo "nameserver 127.0.0.1" > "$tmp/resolv.conf"
echo "hosts: dns" > "$tmp/nsswitch.conf"
mount --bind "$tmp/resolv.conf" /etc/resolv.conf
mount --bind "$tmp/nsswitch.conf" /etc/nsswitch.conf
cat > "$tmp/hosts" <<'END'
192.0.2.10 www.shop.test cdn.shop.test
192.0.2.11 api.shop.test
2001:db8::10 six.shop.test
END
dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts --bind-interfaces --user=root \
	--pid-file= --local=/test/ --cname=shop.test,www.shop.test --listen-address=127.0.0.1 \
	--addn-hosts="$tmp/hosts" 2> "$tmp/dnsmasq.err" &
pids="$pids $!"
wait_for "$tmp/dnsmasq.err" "read "
"$collect" --flush 100ms 2> "$tmp/collect.err" &
collector=$!
pids="$pids $collector"
wait_for "$tmp/collect.err" "connmon-collect: ready"

# Connects to each word after another: a name, an address, or "wait".
cat > "$tmp/call.py" <<'END'
import socket, sys, time
server = socket.create_server(("::", 8080), family=socket.AF_INET6, dualstack_ipv6=True)
for word in sys.argv[1:]:
    if word == "wait":  # longer than what clocks may differ by
        time.sleep(3)
        continue
    with socket.create_connection((word, 8080)) as client:
        server.accept()[0].close()
        client.recv(1)
END
python3 "$tmp/call.py" 192.0.2.11 wait www.shop.test wait cdn.shop.test api.shop.test \
	six.shop.test SHOP.test 192.0.2.10 2> "$tmp/call.err" || fail "the calls"
kill -INT "$collector"
wait "$collector" || fail "the collector"

names=$("$query" list --direction out --port 8080 --resolve --format jsonl --quiet |
	sed 's/.*"peer_addr": "\([^"]*\)", "peer_name": "*\([^",]*\).*/\1 \2/')
expect "each connection has the name that was asked for when it began" "192.0.2.10 shop.test
192.0.2.10 shop.test
2001:db8::10 six.shop.test
192.0.2.11 api.shop.test
192.0.2.10 cdn.shop.test
192.0.2.10 www.shop.test
192.0.2.11 null" "$names"

count() { "$query" list --direction out "$@" --format jsonl --quiet | wc -l; }
expect "a name finds what its address finds" 4 "$(count --peer www.shop.test)"
expect "as does all below a name" 7 "$(count --peer .shop.test)"
expect "IPv6 alike" 1 "$(count --peer six.shop.test)"
expect "who was asked stands beside it" "127.0.0.1" \
	"$("$query" names api.shop.test --format tsv --quiet | cut -f 3 | tail -1)"

# sums COLUMN: connections, those that failed, and bytes, over all groups
sums() {
	"$query" top-destinations --by "$1" --format json --quiet --limit 0 > "$tmp/sums.json"
	sqlite3 :memory: "SELECT sum(value ->> 'connections'), sum(value ->> 'failed'),
		sum(value ->> 'rx_bytes') FROM json_each(readfile('$tmp/sums.json'))"
}
expect "sums by name are those by address" "$(sums peer_addr)" "$(sums name)"
