#!/bin/sh
# How long answers take: the connections of a made-up day (traffic.h), asked of connmon-query,
# of DuckDB (one thread, bulk-loaded) and of nfdump (the same connections as NetFlow, a file for
# each hour). As root, for the cold ones: then nothing of the files is in memory. The first row of
# each answer must be the same.
#
#   ask.sh BUILD FOLDER [ROWS [month]]
#
# FOLDER, on the disk that is to be measured, keeps what was made for ROWS (10M) between runs;
# DuckDB is asked when FOLDER/duckdb has it (npm install @duckdb/node-api), nfdump when it is
# installed. month: a copy gets the totals of 30 such days, and is asked for these.
set -eu
build=$1
folder=$2
rows=${3:-10M}
month=${4:-}
here=$(cd "$(dirname "$0")" && pwd)
db=$folder/$rows.db
begin=1769818651 # as traffic's
end=$((begin + 86400))
warm_rounds=5
cold_rounds=3
export NODE_PATH="$folder/duckdb/node_modules"

mkdir -p "$folder"

# ---- the data ----

make_database() {
	echo "making $db" >&2
	rm -f "$folder/unfinished.db"*
	"$build/tests/bench/traffic" --db "$folder/unfinished.db" --rows "$rows" --seed 1
	rm -f "$folder/unfinished.db-wal" "$folder/unfinished.db-shm" "$folder/unfinished.db.lock"
	mv "$folder/unfinished.db" "$db"
}

make_duckdb() {
	echo "loading DuckDB" >&2
	rm -f "$folder/unfinished".*
	sqlite3 -csv -header "$db" "
		SELECT c.id, duration_us, direction, outcome, peer_addr, peer_port, local_port,
		       l.addr AS local_addr, l.netns, g.comm, g.exe, g.uid, p.pid, k.name AS container,
		       tx_bytes, rx_bytes, connect_us, retransmits, error, accept_wait_us, srtt_us,
		       min_rtt_us, cookie, owner_source, flags, thread
		  FROM connection c
		  JOIN local_address l ON l.id = c.local_id
		  LEFT JOIN process p ON p.id = c.process_id
		  LEFT JOIN program g ON g.id = p.program_id
		  LEFT JOIN container k ON k.id = c.container_id
		 ORDER BY c.id" > "$folder/unfinished.csv"
	node "$here/ask_duckdb.js" load "$folder/unfinished.duckdb" "$folder/unfinished.csv"
	mv "$folder/unfinished.duckdb" "$folder/$rows.duckdb"
	rm "$folder/unfinished.csv"
}

# In a network namespace of its own: sends each hour to an nfcapd of its own. Files are called
# hour-00 and so on; each must hold as many as were sent.
make_flows() {
	rm -rf "$folder/flows"
	mkdir -p "$folder/flows" "$folder/nfcapd"
	ip link set lo up
	for hour in $(seq -w 0 23); do
		rm -f "$folder/nfcapd"/*
		nfcapd -w "$folder/nfcapd" -y -p 9995 -b 127.0.0.1 -t 3600 -B 100000000 -D \
			-P "$folder/nfcapd.pid"
		sleep 0.5
		from=$((begin + ${hour#0} * 3600))
		sent=$("$build/tests/bench/send_flows" "$db" $from $((from + 3600)) 9995)
		sleep 1
		pid=$(cat "$folder/nfcapd.pid")
		kill -TERM "$pid"
		while kill -0 "$pid" 2> "$folder/kill"; do sleep 0.1; done
		mv "$folder/nfcapd"/nfcapd.2* "$folder/flows/hour-$hour"
		kept=$(nfdump -r "$folder/flows/hour-$hour" -I | sed -n 's/^Flows: //p')
		echo "hour $hour: $sent flows sent, $kept kept" >&2
		[ "$sent" = "$kept" ] || { echo "nfcapd lost some" >&2; exit 1; }
	done
	mv "$folder/flows" "$folder/$rows.flows"
}
if [ "$month" = make_flows ]; then
	make_flows
	exit
fi

make_month() {
	echo "making $folder/$rows.month.db" >&2
	cp "$db" "$folder/unfinished.db"
	sqlite3 "$folder/unfinished.db" "
		PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000;
		CREATE TEMP TABLE day AS SELECT * FROM hourly;
		CREATE TEMP TABLE programs AS SELECT * FROM hourly_program;
		CREATE TEMP TABLE past(hours);
		WITH RECURSIVE days(n) AS (SELECT 29 UNION ALL SELECT n - 1 FROM days WHERE n > 1)
			INSERT INTO past SELECT n * 24 FROM days;
		INSERT OR IGNORE INTO hourly
		SELECT hour - past.hours, direction, peer_addr, service_port, program_id, container_id,
		       loopback, attempts, failed, resets, tx_bytes, rx_bytes, retransmits, connects,
		       connect_us_sum, connect_us_max, duration_us_sum,
		       start_us, start_span_us
		  FROM past CROSS JOIN day;
		INSERT OR IGNORE INTO hourly_program
		SELECT hour - past.hours, direction, service_port, program_id, container_id,
		       loopback, attempts, failed, resets, tx_bytes, rx_bytes, retransmits, connects,
		       connect_us_sum, connect_us_max, duration_us_sum,
		       start_us, start_span_us
		  FROM past CROSS JOIN programs;
		UPDATE extent SET rows_from_us = (SELECT min(id) FROM connection);
		PRAGMA journal_mode = WAL" > "$folder/month.log"
	rm -f "$folder/unfinished.db-wal" "$folder/unfinished.db-shm"
	mv "$folder/unfinished.db" "$folder/$rows.month.db"
}

[ -e "$db" ] || make_database
if [ -d "$NODE_PATH" ] && [ ! -e "$folder/$rows.duckdb" ]; then make_duckdb; fi
if command -v nfcapd > "$folder/which" && [ ! -e "$folder/$rows.flows" ]; then
	echo "sending flows to nfcapd" >&2
	unshare --net "$0" "$build" "$folder" "$rows" make_flows
fi
[ "$month" != month ] || [ -e "$folder/$rows.month.db" ] || make_month

# ---- asking ----

forget_files() {
	sync
	echo 3 > /proc/sys/vm/drop_caches
}

# timed COMMAND...: its milliseconds; the answer goes to $folder/answer.
timed() {
	from=$(date +%s%N)
	"$@" > "$folder/answer"
	until=$(date +%s%N)
	echo "$from $until" | awk '{ printf "%.1f\n", ($2 - $1) / 1e6 }'
}

median() { sort -n | awk '{ a[NR] = $1 } END { printf "%.1f\n", NR % 2 ? a[(NR + 1) / 2] : (a[NR / 2] + a[NR / 2 + 1]) / 2 }'; }

# measure COMMAND...: sets warm and cold, ms. It is run once before the warm ones.
measure() {
	for _ in $(seq $cold_rounds); do
		forget_files
		timed "$@"
	done > "$folder/times"
	cold=$(median < "$folder/times")
	for _ in $(seq $warm_rounds); do timed "$@"; done > "$folder/times"
	warm=$(median < "$folder/times")
}

# duckdb SQL: likewise.
duckdb() {
	for _ in $(seq $cold_rounds); do
		forget_files
		node "$here/ask_duckdb.js" ask "$folder/$rows.duckdb" 1 "$1" | head -n 1
	done > "$folder/times"
	cold=$(median < "$folder/times")
	node "$here/ask_duckdb.js" ask "$folder/$rows.duckdb" $((warm_rounds + 1)) "$1" > "$folder/answer"
	head -n 1 "$folder/answer" | tr ' ' '\n' | tail -n +2 > "$folder/times"
	warm=$(median < "$folder/times")
	sed -n 2p "$folder/answer" > "$folder/first"
}

# line QUESTION WHO: prints it, and compares the first row with that of connmon.
line() {
	if [ "$2" = connmon ]; then
		connmon_warm=$warm
		cp "$folder/first" "$folder/expected"
		question=$1
	else
		question=
		cmp -s "$folder/first" "$folder/expected" || {
			echo "$1: $2 answers $(cat "$folder/first"), connmon $(cat "$folder/expected")"
			exit 1
		}
	fi
	printf '%-24s %-8s %9.1f %9.1f %8.2f\n' "$question" "$2" "$warm" "$cold" \
		"$(echo "$warm $connmon_warm" | awk '{ print $1 / $2 }')"
}

connmon() {
	database=$1
	shift
	measure "$build/query/connmon-query" --db "$database" --format csv --quiet "$@"
}

# The first answer's columns $1 (a list of numbers), without the heading.
first() { sed -n 2p "$folder/answer" | tr -d '\r' | cut -d , -f "$1" | tr ',' ' ' > "$folder/first"; }

destinations() {
	name="top-destinations, $1"
	connmon "$db" top-destinations --ended --since "@$2" --until "@$end"
	first 1-3
	line "$name" connmon
	if [ -e "$folder/$rows.duckdb" ]; then
		duckdb "SELECT peer_addr, peer_port, count(*) n, sum((outcome >= 16)::INT), sum(tx_bytes),
			sum(rx_bytes), avg(connect_us), max(connect_us), max(id - duration_us)
			FROM conn WHERE direction = 0 AND id >= ${2}000000 AND id < ${end}000000
			GROUP BY 1, 2 ORDER BY n DESC, 1, 2 LIMIT 20"
		cut -d ' ' -f 1-3 "$folder/first" > "$folder/three" && mv "$folder/three" "$folder/first"
		line "$name" DuckDB
	fi
	if [ -e "$folder/$rows.flows" ]; then
		if [ "$2" = "$begin" ]; then set -- -R "$folder/$rows.flows"; else set -- -r "$folder/$rows.flows/hour-23"; fi
		measure nfdump "$@" -6 -q -N -A dstip,dstport -O flows -n 20 -o "fmt:%da,%dp,%fl" "in if 1"
		# The order among equals is not that of the others: it is the count that must agree.
		tr -d ' ' < "$folder/answer" | grep -m 1 , | cut -d , -f 3 > "$folder/first"
		cut -d ' ' -f 3 "$folder/expected" > "$folder/count" && mv "$folder/count" "$folder/expected"
		line "$name" nfdump
	fi
}

processes() {
	name="top-processes, $1"
	connmon "$db" top-processes --ended --since "@$2" --until "@$end"
	first 1,4
	line "$name" connmon
	if [ -e "$folder/$rows.duckdb" ]; then
		duckdb "SELECT comm, count(*) n, exe, uid, sum((direction = 0)::INT), sum((direction = 1)::INT),
			sum((outcome >= 16)::INT), sum(tx_bytes), sum(rx_bytes)
			FROM conn WHERE id >= ${2}000000 AND id < ${end}000000
			GROUP BY comm, exe, uid ORDER BY n DESC, 1 LIMIT 20"
		cut -d ' ' -f 1-2 "$folder/first" > "$folder/two" && mv "$folder/two" "$folder/first"
		line "$name" DuckDB
	fi
}

rare() {
	peer=$(sqlite3 "$db" "SELECT peer_addr FROM hourly WHERE direction = 1 AND peer_addr NOT LIKE '10.%'
		GROUP BY peer_addr HAVING sum(attempts) < 20 ORDER BY sum(attempts), peer_addr LIMIT 1")
	connmon "$db" list --ended --since "@$begin" --until "@$end" --peer "$peer" --limit 0
	echo "$(($(wc -l < "$folder/answer") - 1))" > "$folder/first"
	line "list --peer RARE, 24 h" connmon
	if [ -e "$folder/$rows.duckdb" ]; then
		duckdb "SELECT count(*) OVER (), * FROM conn WHERE peer_addr = '$peer'
			AND id >= ${begin}000000 AND id < ${end}000000 ORDER BY id DESC"
		cut -d ' ' -f 1 "$folder/first" > "$folder/one" && mv "$folder/one" "$folder/first"
		line "list --peer RARE" DuckDB
	fi
	if [ -e "$folder/$rows.flows" ]; then
		measure nfdump -R "$folder/$rows.flows" -6 -q -N -o "fmt:%ts,%da,%dp" "ip $peer"
		grep -c , "$folder/answer" > "$folder/first"
		line "list --peer RARE" nfdump
	fi
}

sqlite3 "$db" "SELECT printf('%d connections over a day: %.1f bytes each, totals and all (connection %.1f, totals %.1f)',
	n, size * 1.0 / n, rows * 1.0 / n, totals * 1.0 / n)
	FROM (SELECT (SELECT count(*) FROM connection) AS n,
	             (SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()) AS size,
	             (SELECT sum(pgsize) FROM dbstat WHERE aggregate = 1 AND name = 'connection') AS rows,
	             (SELECT sum(pgsize) FROM dbstat WHERE aggregate = 1 AND (name LIKE 'hourly%' OR name LIKE 'recent%')) AS totals)"
if [ -e "$folder/$rows.flows" ]; then
	du -sb "$folder/$rows.flows" | awk -v n="$(sqlite3 "$db" 'SELECT count(*) FROM connection')" \
		'{ printf "nfdump, lz4, without processes: %.1f bytes each\n", $1 / n }'
fi
if [ -e "$folder/$rows.duckdb" ]; then
	du -sb "$folder/$rows.duckdb" | awk -v n="$(sqlite3 "$db" 'SELECT count(*) FROM connection')" \
		'{ printf "DuckDB: %.1f bytes each\n", $1 / n }'
fi
printf '\n%-24s %-8s %9s %9s %8s\n' "" "" "warm ms" "cold ms" "times"
destinations "1 h" $((end - 3600))
destinations "24 h" "$begin"
if [ "$month" = month ]; then
	connmon "$folder/$rows.month.db" top-destinations --ended --since "@$((end - 30 * 86400))" --until "@$end"
	first 1-3
	line "top-destinations, 30 d" connmon
fi
processes "1 h" $((end - 3600))
processes "24 h" "$begin"
rare
echo
echo "times: how many times as long as connmon, warm; DuckDB's process runs already when it is asked warm"
