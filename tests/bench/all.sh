# shellcheck shell=sh
# ./dev bench: each benchmark by a word. A part of dev, which reads it.
# shellcheck disable=SC2154 # lists of packages, and what dev found

# What is there to ask beside us: DuckDB's library, where npm has it.
install_duckdb() {
	[ ! -d "$1/node_modules/@duckdb" ] || return 0
	mkdir -p "$1"
	quietly "npm install @duckdb/node-api" \
		npm install --prefix "$1" --no-audit --no-fund @duckdb/node-api ||
		echo "dev: without DuckDB"
}

# bench [watching] [ingest] [asking]: all of them when none is named.
bench() {
	need_root bench
	[ $# -gt 0 ] || set -- watching ingest asking
	for section; do
		case $section in
		watching | ingest | asking | asking-month | reports | fleet) ;;
		*) die "there is no bench $section; there are watching, ingest, asking, asking-month, reports, fleet" ;;
		esac
	done
	install_for_building
	configure build
	quietly "build" cmake --build build --target connmon-collect connmon-query storm traffic \
		bench_ingest bench_dns send_flows connmon-forward
	for section; do
		printf '\n== %s\n\n' "$section"
		case $section in
		watching)
			# shellcheck disable=SC2086 # a list of names
			install $bench_packages
			BPFTOOL=$bpftool tests/bench/bench.sh build/collector/connmon-collect \
				build/tests/node/storm build/bench/storm
			;;
		ingest) tests/bench/ingest.sh build build/bench/ingest ;;
		reports)
			install sqlite3 time
			tests/bench/reports.sh build build/bench/asking
			;;
		fleet)
			# shellcheck disable=SC2086 # a list of names
			install $fleet_packages
			fetch_clickhouse
			tests/fleet/clickhouse.sh with 1 tests/bench/fleet.py build build/bench/fleet
			;;
		asking*)
			# shellcheck disable=SC2086 # a list of names
			install $asking_packages
			install_duckdb build/bench/asking/duckdb
			tests/bench/ask.sh build build/bench/asking 10M "${section#asking-}"
			;;
		esac
	done
	give_back build
}
