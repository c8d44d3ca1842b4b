#!/bin/sh
# How long each report takes, and how much memory, asked about the last hour and about all of a
# made-up day (traffic.h): the median of five runs, when the file is in memory. Beside the time
# there is what the processor worked, which a busy machine changes less.
#
#   reports.sh BUILD FOLDER [ROWS [REPORT...]]
#
# FOLDER keeps what was made for ROWS (10M) between runs, as that of ask.sh.
set -eu
build=$1
folder=$2
rows=${3:-10M}
[ $# -lt 3 ] || shift
shift 2
db=$folder/$rows.db
begin=1769818651 # as traffic's
end=$((begin + 86400))
rounds=${ROUNDS:-5}

[ -e "$db" ] || {
	mkdir -p "$folder"
	echo "making $db" >&2
	"$build/tests/bench/traffic" --db "$db" --rows "$rows" --seed 1
}

median() { sort -n | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'; }

# ask SINCE WORDS...: sets wall, cpu (ms) and rss (MiB).
ask() {
	since=$1
	shift
	: > "$folder/runs"
	for round in $(seq 0 "$rounds"); do
		from=$(date +%s%N)
		/usr/bin/time -f '%U %S %M' -o "$folder/used" "$build/query/connmon-query" \
			--db "$db" --format csv --quiet "$@" --since "@$since" --until "@$end" \
			> "$folder/answer"
		until=$(date +%s%N)
		[ "$round" = 0 ] || echo "$from $until $(tail -n 1 "$folder/used")" >> "$folder/runs"
	done
	wall=$(awk '{ printf "%d\n", ($2 - $1) / 1e6 }' "$folder/runs" | median)
	cpu=$(awk '{ printf "%d\n", ($3 + $4) * 1000 }' "$folder/runs" | median)
	rss=$(awk '{ printf "%d\n", $5 / 1024 }' "$folder/runs" | median)
}

# line WORDS...: of one question.
line() {
	ask $((end - 3600)) "$@"
	printf '%-36s %8d %8d %8d' "$*" "$wall" "$cpu" "$rss"
	ask "$begin" "$@"
	printf ' %10d %8d %8d\n' "$wall" "$cpu" "$rss"
}

printf '%-36s %8s %8s %8s %10s %8s %8s\n' "" "1 h: ms" "cpu ms" "MiB" "24 h: ms" "cpu ms" "MiB"
if [ $# -gt 0 ]; then
	for words; do
		# shellcheck disable=SC2086 # a report and its options
		line $words
	done
	exit
fi
pid=$(sqlite3 "$db" "SELECT pid FROM process WHERE id = (SELECT process_id FROM connection
	WHERE process_id NOT NULL ORDER BY id DESC LIMIT 1)")
peer=$(sqlite3 "$db" "SELECT peer_addr FROM hourly WHERE direction = 0 ORDER BY hour DESC LIMIT 1")
for report in summary top-destinations top-clients top-processes top-ports top-containers \
	top-users list open failures slow retransmits resets long-lived churn timeline \
	new-destinations compare fan-out beacons listeners map gaps; do
	line $report
done
line who "$peer"
line who 10.0.0.0/8
line who :443
line process "$pid"
for column in outcome error pid netns local_addr container hour peer_addr/24; do
	line top-ports --by $column
done
