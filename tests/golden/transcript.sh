#!/bin/sh
# transcript.sh FILE: runs each line of FILE that starts with "$ " and prints the file
# as it should be: the command, its output, and "[exit N]" unless N is 0. The file must
# be just that. CONNMON_BLESS=1 writes it instead: then read it. Lines that start with
# "# " are kept. Needs in the environment: CONNMON_QUERY (the program), CONNMON_DB.
set -eu
want=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/bin" "$dir/cwd"
ln -s "$CONNMON_QUERY" "$dir/bin/connmon-query"
PATH=$dir/bin:$PATH
export PATH

blank=
while IFS= read -r line; do
	case $line in
	'# '*)
		printf '%s%s\n' "$blank" "$line"
		blank=
		;;
	'$ '*)
		printf '%s\n' "$line"
		status=0
		(cd "$dir/cwd" && sh -c "${line#??}") < /dev/null 2>&1 || status=$?
		[ "$status" = 0 ] || echo "[exit $status]"
		blank='
'
		;;
	esac
done < "$want" > "$dir/got"
if [ -n "${CONNMON_BLESS:-}" ]; then
	cp "$dir/got" "$want"
fi
grep -q '^\$ ' "$want" || { echo "$want runs nothing"; exit 1; }
diff -u "$want" "$dir/got"
