#!/bin/sh
# Real ClickHouse servers for tests: in a network and a mount namespace of their own, with all
# their files in a temporary folder. Afterwards nothing is left, whatever ended the test.
#
#   clickhouse.sh with SHARDS COMMAND...   runs COMMAND beside 1 or 2 servers; its exit code
#
# and, from within COMMAND, of server N (1 or 2):
#
#   "$FLEET_CLICKHOUSE" start N            and waits until it answers
#   "$FLEET_CLICKHOUSE" stop N             as its service manager would
#   "$FLEET_CLICKHOUSE" kill N             SIGKILL
#   "$FLEET_CLICKHOUSE" ask N SQL          what it answers, tab-separated
#   "$FLEET_CLICKHOUSE" client N WORDS...  clickhouse-client, connected to it
#
# COMMAND finds them by FLEET_URL and FLEET_URL_2 (HTTP, 127.0.0.1:8123 and :8124; the native
# protocol speaks on :9000 and :9001); the files of server N are in $FLEET_FOLDER/N, what
# COMMAND puts into $FLEET_FOLDER goes with them. The servers know each other as the two shards
# of the cluster "connmon" and have the macros {shard} and {replica}. There are the users
# default (no password), writer (password secret), reader (password secret, may only read) and
# sloppy (password secret, to whom partial answers are given).
#
# In the environment, FLEET_DISK=64m: server 1 has a disk of that size; FLEET_ZOOKEEPER=2181: the
# servers use the ZooKeeper that COMMAND starts on that port, for Replicated tables and ON CLUSTER;
# FLEET_REPLICAS=1: they are two replicas of one shard.
# FLEET_TODAY=1: it is today's engine (today.py), which knows no other server; no client, then.
# Needs root. The servers are those of the PATH, else of build-clickhouse, where ./dev unpacks
# Debian's.
set -eu
self=$(readlink -f "$0")
source=$(dirname "$(dirname "$(dirname "$self")")")
unpacked=$source/build-clickhouse
today=$source/build-chdb/libchdb.so

die() { echo "clickhouse.sh: $*" >&2; exit 1; }

find_programs() {
	if [ -n "${FLEET_TODAY:-}" ]; then
		[ -e "$today" ] || die "libchdb.so is missing: ./dev test fetches it"
		return
	fi
	PATH=$PATH:/usr/sbin
	command -v clickhouse-server > /dev/null && return
	[ -x "$unpacked/usr/sbin/clickhouse-server" ] ||
		die "clickhouse-server is missing: ./dev test fetches it"
	PATH=$unpacked/usr/sbin:$unpacked/usr/bin:$PATH
	LD_LIBRARY_PATH=$(echo "$unpacked"/usr/lib/*-linux-gnu | tr ' ' :)
	export LD_LIBRARY_PATH
}

http_port() { echo $((8122 + $1)); }
tcp_port() { echo $((8999 + $1)); }

shard() { # N..., the servers that are its replicas
	echo "<shard><internal_replication>true</internal_replication>"
	for n; do echo "<replica><host>127.0.0.1</host><port>$(tcp_port "$n")</port></replica>"; done
	echo "</shard>"
}

# The settings are the defaults but for caches, which are small, and for what one machine does
# not need; times are UTC, as they are in connmon's rows.
configure() { # N SHARDS
	own_shard=$1
	if [ -n "${FLEET_REPLICAS:-}" ]; then
		own_shard=1
		shards=$(shard 1 2)
	else
		shards=$(shard 1)
		[ "$2" = 1 ] || shards="$shards $(shard 2)"
	fi
	keeper=
	[ -z "${FLEET_ZOOKEEPER:-}" ] || keeper="<distributed_ddl><path>/ddl</path></distributed_ddl>
		<interserver_http_host>127.0.0.1</interserver_http_host>
		<interserver_http_port>$((9008 + $1))</interserver_http_port>
		<zookeeper><node><host>127.0.0.1</host><port>$FLEET_ZOOKEEPER</port></node>
		<session_timeout_ms>6000</session_timeout_ms></zookeeper>"
	cat > "$FLEET_FOLDER/$1/config.xml" <<-END
		<yandex>
		<logger><level>warning</level><size>10M</size><count>1</count>
		<log>$FLEET_FOLDER/log.$1</log><errorlog>$FLEET_FOLDER/errors.$1</errorlog></logger>
		<http_port>$(http_port "$1")</http_port><tcp_port>$(tcp_port "$1")</tcp_port>
		<listen_host>0.0.0.0</listen_host>
		<path>$FLEET_FOLDER/$1/data/</path><tmp_path>$FLEET_FOLDER/$1/tmp/</tmp_path>
		<users_config>users.xml</users_config>
		<default_profile>default</default_profile><default_database>default</default_database>
		<mark_cache_size>67108864</mark_cache_size><timezone>UTC</timezone>
		<remote_servers><connmon>$shards</connmon></remote_servers>
		$keeper
		<macros><shard>$own_shard</shard><replica>$1</replica></macros>
		</yandex>
	END
	cat > "$FLEET_FOLDER/$1/users.xml" <<-END
		<yandex>
		<profiles><default/><readonly><readonly>1</readonly></readonly>
		<sloppy><max_result_rows>5</max_result_rows><result_overflow_mode>break</result_overflow_mode>
		<max_rows_to_group_by>2</max_rows_to_group_by>
		<group_by_overflow_mode>any</group_by_overflow_mode></sloppy></profiles>
		<quotas><default/></quotas>
		<users>
		<default><password></password>$(user default)</default>
		<writer><password>secret</password>$(user default)</writer>
		<reader><password>secret</password>$(user readonly)</reader>
		<sloppy><password>secret</password>$(user sloppy)</sloppy>
		</users>
		</yandex>
	END
}

user() { # PROFILE
	echo "<networks><ip>::/0</ip></networks><profile>$1</profile><quota>default</quota>"
}

run_server() { # N
	[ -z "${FLEET_TODAY:-}" ] ||
		exec env TZ=UTC "$(dirname "$self")/today.py" "$today" "$(http_port "$1")" "$FLEET_FOLDER/$1/data"
	exec clickhouse-server "--config-file=$FLEET_FOLDER/$1/config.xml"
}

start() { # N
	touch "$FLEET_FOLDER/errors.$1" # in case that nothing is written there
	run_server "$1" > "$FLEET_FOLDER/out.$1" 2>&1 &
	pid=$!
	echo "$pid" > "$FLEET_FOLDER/pid.$1"
	for _ in $(seq 300); do
		if curl -s -o "$FLEET_FOLDER/ready" "http://127.0.0.1:$(http_port "$1")/"; then return; fi
		kill -0 "$pid" || break
		sleep 0.1
	done
	tail -n 20 "$FLEET_FOLDER/out.$1" "$FLEET_FOLDER"/errors.* >&2
	die "server $1 did not start"
}

# gone N SIGNAL: sends it, and returns when the server is no more.
gone() {
	[ -s "$FLEET_FOLDER/pid.$1" ] || return 0
	pid=$(cat "$FLEET_FOLDER/pid.$1")
	rm "$FLEET_FOLDER/pid.$1"
	kill "-$2" "$pid" || return 0
	tail "--pid=$pid" -s 0.05 -f /dev/null
}

ask() { # N SQL
	curl -sS --data-binary "$2" "http://127.0.0.1:$(http_port "$1")/" > "$FLEET_FOLDER/answer.$$"
	cat "$FLEET_FOLDER/answer.$$"
	! grep -q '^Code: [0-9]*, e\.' "$FLEET_FOLDER/answer.$$" && rm "$FLEET_FOLDER/answer.$$"
}

# The namespaces are there.
inside() { # SHARDS COMMAND...
	n=$1
	shift
	ip link set lo up
	FLEET_FOLDER=$(mktemp -d -t connmon-fleet.XXXXXX)
	FLEET_CLICKHOUSE=$self
	FLEET_URL=http://127.0.0.1:8123/
	FLEET_URL_2=http://127.0.0.1:8124/
	export FLEET_FOLDER FLEET_CLICKHOUSE FLEET_URL FLEET_URL_2
	# Who is killed clears nothing away: then this one does, of whom ctest knows nothing.
	setsid -f "$self" guard $$
	trap 'gone 1 KILL; gone 2 KILL; rm -rf "$FLEET_FOLDER" || { sleep 1; rm -rf "$FLEET_FOLDER"; }' EXIT
	for i in $(seq "$n"); do
		mkdir "$FLEET_FOLDER/$i"
		[ "$i" != 1 ] || [ -z "${FLEET_DISK:-}" ] ||
			mount -t tmpfs -o "size=$FLEET_DISK" connmon-fleet "$FLEET_FOLDER/1"
		mkdir "$FLEET_FOLDER/$i/data" "$FLEET_FOLDER/$i/tmp"
		configure "$i" "$n"
		start "$i"
	done
	code=0
	"$@" || code=$?
	[ "$code" = 0 ] || tail -n 5 "$FLEET_FOLDER"/out.* "$FLEET_FOLDER"/errors.* >&2
	[ -z "${FLEET_DISK:-}" ] || { gone 1 KILL; umount "$FLEET_FOLDER/1"; }
	exit "$code"
}

guard() { # PID, of the one above
	exec < /dev/null > /dev/null 2>&1
	tail "--pid=$1" -f /dev/null
	if [ -e "$FLEET_FOLDER" ]; then
		gone 1 KILL
		gone 2 KILL
		rm -rf "$FLEET_FOLDER"
	fi
}

usage() {
	sed -n 's/^#   //p' "$self" >&2
	exit 2
}

[ $# -ge 2 ] || usage
word=$1
shift
case $word in
with)
	[ "$(id -u)" = 0 ] || die "needs root"
	find_programs
	exec unshare -n -m --propagation private "$self" inside "$@"
	;;
inside | guard | ask) "$word" "$@" ;;
start)
	find_programs
	start "$1"
	;;
stop) gone "$1" TERM ;;
kill) gone "$1" KILL ;;
client)
	find_programs
	port=$(tcp_port "$1")
	shift
	exec clickhouse-client --host 127.0.0.1 --port "$port" "$@"
	;;
*) usage ;;
esac
