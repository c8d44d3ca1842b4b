#!/bin/sh
# How fast records become rows, beside the bare INSERT of the same rows: connections that all end
# within a second, and such of which one in ten stays open longer and is written down twice; a
# thousand and 20,000 of them a second, which is a commit.
#
#   ingest.sh BUILD FOLDER [ROUNDS [CONNECTIONS]]
set -eu
tools=$1/tests/bench
folder=$2
rounds=${3:-5}
n=${4:-500000}

mkdir -p "$folder"
trap 'rm -f "$folder"/records' EXIT
for long in 0 10; do
	for per_commit in 1000 20000; do
		echo "$long of 100 open for longer than a second:"
		"$tools/traffic" --records "$folder/records" --rows "$n" --long $long --review 30s \
			--span "$((n / per_commit))s"
		"$tools/bench_ingest" "$folder/records" $per_commit "$folder" "$rounds"
		echo
	done
done
"$tools/bench_dns"
cat <<END
bytes written: by all writes to the database and its WAL, for each connection
of bare: its rate, over that of the bare INSERT in the same round; in CPU: the same of processor time
END
