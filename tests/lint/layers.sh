#!/bin/sh
# Who may include whom, and who may print: the rules that keep the layers apart.
#
#   layers.sh SOURCE_FOLDER
set -eu
cd "$1"

# sources FOLDER [NAMES]: its C files, without those named (path, no ending).
sources() {
	find "$1" -maxdepth 1 -name '*.[ch]' | sort | grep -Ev "^(${2:-})\.[ch]$" || true
}

# headers FOLDER OWN: a pattern that matches an include of a header of FOLDER in a
# file of OWN, where a header of the same name comes first.
headers() {
	names=$(for header in "$1"/*.h; do
		[ -e "$2/${header##*/}" ] || echo "${header##*/}"
	done | tr '\n' '|')
	echo "^#include \"(${names}(\.\./)?$1/)"
}

# forbid WHY PATTERN: tells each file of standard input whose code, comments apart,
# has a line like that.
forbid() {
	while read -r file; do
		if found=$(gcc -fpreprocessed -dD -E -P -w -x c "$file" | grep -E "$2"); then
			echo "$file: $1:"
			echo "$found" | sed 's/^/	/'
		fi
	done
}

below() { sources "$1" | forbid "$1 must not know $2" "$(headers "$2" "$1")"; }

print='(^|[^a-z_])(v?printf|puts|putchar|perror)\(|stdout|stderr'
exit='(^|[^a-z_])(_?exit|abort|errx?|warnx?)\('

violations=$(
	below schema collector
	below schema query
	below schema bpf
	below schema fleet
	below fleet collector
	below fleet query
	below fleet bpf
	below collector fleet
	below bpf collector
	below bpf query
	below query collector
	below query bpf
	below collector query
	for folder in schema collector query fleet; do
		sources $folder 'collector/(probe|probe_parts|probe_read|pin)' |
			forbid "libbpf and the skeleton belong to the probe" \
				'^#include [<"](bpf/|.*\.skel\.h)'
		sources $folder "$folder/main" | forbid "only main.c exits" "$exit"
		sources $folder "$folder/(main|command|command_[a-z]+|pager|prompt|prompt_[a-z]+|remark)" |
			forbid "only main.c, commands, the pager, the prompt and remarks print" "$print"
	done
	sources collector 'collector/(probe_parts|decode)' |
		forbid "event.h belongs to probe and decode" '^#include "(bpf/)?event\.h"'
	sources fleet fleet/server | forbid "libcurl belongs to the server" '^#include <curl/'
	# container_state reads JSON with it.
	sources collector 'collector/(store|flushed|dns_rows|open_rows|run|dictionary|leftover|hourly|series|retain|oldest|purge|wal|hold|container_state)' |
		forbid "SQL belongs to the store" '^#include <sqlite3\.h>|sqlite3_'
)
[ -z "$violations" ] || { echo "$violations"; exit 1; }
