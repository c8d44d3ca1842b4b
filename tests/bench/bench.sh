#!/bin/sh
# What it costs to watch: a storm of loopback connections without any tool, with
# connmon recording to disk, and with the tcplife and tcpstates of libbpf-tools
# writing to a file. The variants take turns in each round, so that the machine's
# moods touch all of them; a ratio compares runs of the same round. In rounds of their
# own, for it costs a little, the kernel measures the tools' BPF programs.
#
#   bench.sh COLLECT STORM FOLDER [ROUNDS [CONNECTIONS]]
#
# FOLDER, on the disk that is to be measured, gets the outputs and is emptied.
# BPFTOOL in the environment: the bpftool to use.
set -eu
collect=$1
storm=$2
folder=$3
rounds=${4:-5}
n=${5:-20000}
bpftool=${BPFTOOL:-bpftool}
pid=
stats=/proc/sys/kernel/bpf_stats_enabled
stats_before=$(cat $stats)

# The libbpf-tools look up their tracepoints in tracefs.
if [ ! -e /sys/kernel/tracing/events ] && [ -z "${CONNMON_BENCH_MOUNTED:-}" ]; then
	# shellcheck disable=SC2016 # the inner shell is to expand them
	CONNMON_BENCH_MOUNTED=1 exec unshare --mount sh -c \
		'mount -t tracefs none /sys/kernel/tracing && exec "$0" "$@"' "$0" "$@"
fi

rm -rf "$folder"
mkdir -p "$folder"
trap '[ -z "$pid" ] || kill -KILL "$pid"; echo "$stats_before" > $stats' EXIT
trap 'exit 1' INT TERM

# used: what the tool has used of the processors so far, ns.
used() { cut -d ' ' -f 1 "/proc/$pid/schedstat"; }

# start READY_WORDS COMMAND...: in the background, until its outputs hold the words
# or, with none, for a second: the libbpf-tools do not say when they are ready. Sets
# start_ns to what that took, most of it the kernel's for checking the programs.
start() {
	words=$1
	shift
	"$@" > "$folder/out" 2> "$folder/err" &
	pid=$!
	for tenth in $(seq 100); do
		sleep 0.1
		kill -0 "$pid" || { cat "$folder/err"; exit 1; }
		if [ -n "$words" ]; then
			if grep -q "$words" "$folder/err"; then break; fi
		elif [ "$tenth" = 10 ]; then
			break
		fi
		[ "$tenth" != 100 ] || { echo "$1 did not become ready"; exit 1; }
	done
	start_ns=$(used)
}

# stop: lets the tool catch up; sets cpu_ns to what it used since it was ready.
stop() {
	sleep 1.5
	cpu_ns=$(($(used) - start_ns))
	kill -INT "$pid"
	wait "$pid" || true
	pid=
}

# truth NAME: a number of what the storm said.
truth() { sed "s/.*$1=\([0-9.]*\).*/\1/" "$folder/truth"; }

# storm: one run; sets netns, rate in connections per second, and what a connection
# cost its two ends in processor time.
storm() {
	"$storm" "$n" > "$folder/truth"
	netns=$(truth netns)
	rate=$(truth seconds | awk -v n="$n" '{ printf "%.0f", n / $1 }')
	ends_ns=$(truth cpu | awk -v n="$n" '{ printf "%.0f", $1 * 1e9 / n }')
}

# result VARIANT ROWS EXPECTED LOST BYTES_PER_ROW
result() {
	echo "$round $1 $rate $2 $3 $4 $cpu_ns $5 $ends_ns" >> "$folder/results"
	echo "round $round of $rounds: $1: $rate connections/s" >&2
}

# programs VARIANT COMMAND...: what the kernel says of the tool's BPF programs after a
# storm: per event of sock:inet_sock_set_state (all programs there together), and all
# programs per connection.
programs() {
	name=$1
	shift
	rm -f "$folder"/connmon.db*
	start "" "$@"
	storm
	sed -n 's/^prog_id:[^0-9]*//p' /proc/"$pid"/fdinfo/* | sort -u > "$folder/ids"
	while read -r id; do
		"$bpftool" -j prog show id "$id" |
			sed 's/.*"name":"\([^"]*\)".*"run_time_ns":\([0-9]*\),"run_cnt":\([0-9]*\).*/\1 \2 \3/'
	done < "$folder/ids" | awk -v n="$n" -v name="$name" '
		NF != 3 { next } # it never ran
		{ all += $2 }
		$1 ~ /state|inet_sock_set/ { time += $2; if ($3 > events) events = $3 }
		END { printf "%s %.0f %.0f\n", name, events ? time / events : 0, all / n }' >> "$folder/programs"
	stop
}

bare() {
	cpu_ns=0
	storm
	result "no tool" - - - -
}

connmon() {
	rm -f "$folder"/connmon.db*
	start "connmon-collect: ready" "$collect" --db "$folder/connmon.db"
	storm
	stop
	lost=$(sed -n 's/.*lost \([0-9]*\).*/\1/p' "$folder/err" | tail -n 1)
	result connmon "$(sqlite3 "$folder/connmon.db" \
		"SELECT count(*) FROM connections WHERE netns = $netns AND comm LIKE 'storm-%'")" \
		"$((2 * n))" "$lost" "$(sqlite3 "$folder/connmon.db" \
		"SELECT printf('%.0f', page_count * page_size * 1.0 / (SELECT count(*) FROM connection))
		 FROM pragma_page_count(), pragma_page_size()")"
}

# libbpf_tool NAME LINES_PER_CONNECTION
libbpf_tool() {
	start "" "$1"
	storm
	stop
	lost=$(grep -oi 'lost [0-9]*' "$folder/err" | awk '{ sum += $2 } END { print sum + 0 }')
	# Without the lines about the listener itself.
	lines=$(awk '/ 4711 / && !/ 0\.0\.0\.0 +0 / { n++ } END { print n + 0 }' "$folder/out")
	result "$1" "$lines" "$(($2 * n))" "$lost" \
		"$(awk '{ bytes += length($0) + 1 } END { printf "%.0f", NR ? bytes / NR : 0 }' "$folder/out")"
}

for round in $(seq "$rounds"); do
	bare
	connmon
	for tool in "tcplife 2" "tcpstates 10"; do
		# shellcheck disable=SC2086 # two words: its name and its lines per connection
		if command -v "${tool% *}" > "$folder/which"; then libbpf_tool $tool; fi
	done
done

echo 1 > $stats
for round in $(seq 3); do
	echo "round $round of 3: the BPF programs" >&2
	programs connmon "$collect" --db "$folder/connmon.db"
	for tool in tcplife tcpstates; do
		if command -v $tool > "$folder/which"; then programs $tool $tool; fi
	done
done
echo "$stats_before" > $stats

# The middle of the sorted values of each column, by variant.
echo "$n connections per storm, $rounds rounds, medians ($(uname -r), $(nproc) processors):"
echo
awk '
function median(list, count,   i, j, t) {
	for (i = 2; i <= count; i++)
		for (j = i; j > 1 && list[j - 1] > list[j]; j--) {
			t = list[j]; list[j] = list[j - 1]; list[j - 1] = t
		}
	return count % 2 ? list[(count + 1) / 2] : (list[count / 2] + list[count / 2 + 1]) / 2
}
FILENAME ~ /programs$/ { k = ++measured[$1]; event[$1, k] = $2; connection[$1, k] = $3; next }
{
	sub(/no tool/, "no_tool")
	if (!($2 in seen)) { order[++variants] = $2; seen[$2] = 1 }
	runs[$2]++
	if ($2 == "no_tool") { bare[$1] = $3; bare_ends[$1] = $9 }
	rate[$2, $1] = $3; rows[$2, $1] = $4; expected[$2] = $5; lost[$2, $1] = $6
	cpu[$2, $1] = $7; bytes[$2, $1] = $8; ends[$2, $1] = $9
}
END {
	printf "%-10s %8s %8s %8s %8s %6s %9s %10s %8s %9s %7s\n", "", "conn/s", "of bare", "rows",
		"expected", "lost", "CPU us/c", "bytes/row", "ns/event", "BPF us/c", "added"
	for (v = 1; v <= variants; v++) {
		name = order[v]; k = 0
		for (r in bare) {
			k++; a[k] = rate[name, r]; b[k] = rate[name, r] / bare[r]; c[k] = rows[name, r]
			d[k] = lost[name, r]; e[k] = cpu[name, r]; f[k] = bytes[name, r]
			g[k] = (ends[name, r] / bare_ends[r] - 1) * 100
		}
		printf "%-10s %8d %8.2f", name == "no_tool" ? "no tool" : name, median(a, k), median(b, k)
		if (name != "no_tool") {
			printf " %8d %8d %6d %9.2f %10d", median(c, k), expected[name], median(d, k),
				median(e, k) / 1000 / n, median(f, k)
			for (i = 1; i <= measured[name]; i++) { p[i] = event[name, i]; q[i] = connection[name, i] }
			printf " %8d %9.2f %+6.1f%%", median(p, measured[name]),
				median(q, measured[name]) / 1000, median(g, k)
		}
		print ""
	}
}' n="$n" "$folder/programs" "$folder/results"
cat <<END

rows, lost, bytes/row: what the tool recorded; CPU us/c: of its own process, once ready
ns/event: of its BPF programs, per change of a TCP state; BPF us/c: the same per connection
added: processor time of the two ends of a connection, against that of no tool in the same round
END
