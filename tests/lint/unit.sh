#!/bin/sh
# What systemd says of the service: that it understands the unit, and that it is exposed by at
# most 1.0 out of 10.
#
#   unit.sh SOURCE_FOLDER
set -eu
unit=$1/collector/connmon-collect.service
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
command -v systemd-analyze > "$tmp/which" ||
	{ echo "systemd-analyze is missing: ./dev test installs systemd"; exit 1; }

bad=0
systemd-analyze security --no-pager --offline=true --threshold=10 "$unit" > "$tmp/score" 2>&1 || bad=1
tail -n 1 "$tmp/score"
[ "$bad" = 0 ] || grep -F '✗' "$tmp/score" || true

# Whether the program and its manual are installed here does not matter.
systemd-analyze verify "$unit" 2>&1 |
	grep -F "${unit##*/}" | grep -vE "is not executable|Command 'man " > "$tmp/verify" || true
[ ! -s "$tmp/verify" ] || { cat "$tmp/verify"; bad=1; }
exit "$bad"
