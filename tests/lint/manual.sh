#!/bin/sh
# A manual page names the same options as its program's --help, and is well-formed.
#
#   manual.sh PAGE PROGRAM
set -eu
page=$1
program=$2
bad=0
command -v man > /tmp/connmon-lint.$$ || { echo "man is missing: ./dev test installs man-db"; exit 1; }
rm -f /tmp/connmon-lint.$$

options() { grep -oE '(^|[^a-z-])--[a-z][a-z-]*' | sed 's/^[^-]//' | sort -u; }

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"$program" --help > "$tmp/help"
options < "$tmp/help" > "$tmp/told"
sed 's/\\//g' "$page" | options > "$tmp/written"

missing=$(comm -23 "$tmp/told" "$tmp/written")
[ -z "$missing" ] || { echo "$page does not name:" "$missing"; bad=1; }
invented=$(comm -13 "$tmp/told" "$tmp/written")
[ -z "$invented" ] || { echo "$page names options that $program --help does not:" "$invented"; bad=1; }

man --warnings=w -l -Tutf8 -Z "$page" > "$tmp/page" 2> "$tmp/warnings" || bad=1
[ ! -s "$tmp/warnings" ] || { cat "$tmp/warnings"; bad=1; }
if command -v mandoc > "$tmp/which"; then
	mandoc -Tlint -Wwarning "$page" || bad=1
fi
exit "$bad"
