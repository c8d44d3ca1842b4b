#!/bin/sh
# A manual page names the same options as its program's help, and is well-formed.
#
#   manual.sh PAGE PROGRAM     (the help of its reports and commands counts, too)
set -eu
page=$1
program=$2
bad=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
command -v man > "$tmp/which" || { echo "man is missing: ./dev test installs man-db"; exit 1; }

# --usage comes with argp and needs no explanation.
options() { grep -oE '(^|[^a-z-])--[a-z][a-z-]*' | grep -o -- '--.*' | grep -vx -- --usage | sort -u; }

# As the program itself tells the shells.
subjects() {
	case $program in
	*query) "$program" completion bash | sed -n 's/^\t\([a-z-]*\))$/\1/p' ;;
	esac
}

{
	"$program" --help
	for subject in $(subjects); do "$program" "$subject" --help; done
} | options > "$tmp/told"
# So wide that no word is broken.
MANWIDTH=2000 man --warnings=w -E ascii -l "$page" > "$tmp/text" 2> "$tmp/warnings" || bad=1
[ ! -s "$tmp/warnings" ] || { cat "$tmp/warnings"; bad=1; }
options < "$tmp/text" > "$tmp/written"

missing=$(comm -23 "$tmp/told" "$tmp/written")
[ -z "$missing" ] || { echo "$page does not name:" "$missing"; bad=1; }
invented=$(comm -13 "$tmp/told" "$tmp/written")
[ -z "$invented" ] || { echo "$page names what the help does not:" "$invented"; bad=1; }

if command -v mandoc > "$tmp/which"; then
	mandoc -Tlint -Wwarning "$page" || bad=1
fi
exit "$bad"
