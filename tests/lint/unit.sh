#!/bin/sh
# What systemd says of the services: that it understands the units, and that the collector's is
# exposed by at most 1.0 out of 10, that of who must speak to a server by 1.5.
#
#   unit.sh SOURCE_FOLDER
set -eu
source=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
command -v systemd-analyze > "$tmp/which" ||
	{ echo "systemd-analyze is missing: ./dev test installs systemd"; exit 1; }

check() { # UNIT TENTHS
	fine=1
	systemd-analyze security --no-pager --offline=true --threshold="$2" "$1" > "$tmp/score" 2>&1 ||
		fine=0
	tail -n 1 "$tmp/score"
	[ "$fine" = 1 ] || { grep -F '✗' "$tmp/score" || true; bad=1; }
	# Whether the program and its manual are installed here does not matter.
	systemd-analyze verify "$1" 2>&1 |
		grep -F "${1##*/}" | grep -vE "is not executable|Command 'man " > "$tmp/verify" || true
	[ ! -s "$tmp/verify" ] || { cat "$tmp/verify"; bad=1; }
}

bad=0
check "$source/collector/connmon-collect.service" 10
check "$source/fleet/connmon-forward.service" 15
exit "$bad"
