#!/bin/sh
# completion.sh SHELL SOURCE_FOLDER: what a real shell offers, with the script for it.
# Needs in the environment: CONNMON_QUERY (the program).
set -eu
LC_ALL=C
export LC_ALL
shell=$1
here=$2/tests/golden
command -v "$shell" || { echo "$shell is missing: ./dev test installs it"; exit 1; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
: > "some file"
bad=0
# What zsh knows of all its functions is found out only once.
ZSH_COMPDUMP=$dir/dump
export ZSH_COMPDUMP

# offers LINE WORD...: these and no others.
offers() {
	line=$1
	shift
	"$here/complete.sh" "$shell" "$line" > "$dir/got"
	for word; do echo "$word"; done | sort > "$dir/want"
	diff -u "$dir/want" "$dir/got" || { echo "$shell: $line"; bad=1; }
}

offers "connmon-query top-d" top-destinations
offers "connmon-query schem" schema
offers "connmon-query help fail" failures
offers "connmon-query completion " bash fish zsh
offers "connmon-query list --st" --started --strict
offers "connmon-query gaps --st" --strict
offers "connmon-query schema --t" --timeout
offers "connmon-query sql --no-l"
offers "connmon-query list --format js" json jsonl
offers "connmon-query list --format=mark" markdown
offers "connmon-query list --direction " in out
offers "connmon-query list --outcome refused,time" timed_out timeout
offers "connmon-query top-destinations --by comm,service" service_port
offers "connmon-query list --since yes" yesterday
offers "connmon-query list --uid roo" root
offers "connmon-query list --comm "
# Names of other nodes, from the history.
offers "connmon-query list --peer ku" kube.example.com
offers "connmon-query who --peer xn" xn--bcher-kva.example
offers "connmon-query list --peer reboot"
# A value is no report.
offers "connmon-query --comm gaps fail" failures
offers "connmon-query --format=csv fail" failures

"$here/complete.sh" "$shell" "connmon-query list --db so" > got
grep -q '^some' got || { echo "$shell offers no files for --db"; bad=1; }

# All reports; and all options of one that its help tells of.
"$CONNMON_QUERY" reports --format tsv | tail -n +2 | cut -f 1 | sort > want
"$here/complete.sh" "$shell" "connmon-query " > got
[ -z "$(comm -23 want got)" ] || { echo "$shell lacks reports:"; comm -23 want got; bad=1; }
while read -r report; do
	"$CONNMON_QUERY" "$report" --help | sed -nE 's/^  (-[a-z], )?(--[a-z-]+).*/\2/p' |
		sort > options
	"$here/complete.sh" "$shell" "connmon-query $report --" > got
	diff -u options got || { echo "$shell: $report"; bad=1; }
done < want
exit "$bad"
