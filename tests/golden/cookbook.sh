#!/bin/sh
# cookbook.sh FILE.md: runs what stands behind "$ " between ```console and ``` (and goes on
# behind "> "), and prints the file as it should be: each command with its output. The file must
# be just that. CONNMON_BLESS=1 writes it instead: then read it.
# Needs in the environment: CONNMON_QUERY (the program), CONNMON_DB.
set -eu
want=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for tool in jq sqlite3; do
	command -v $tool > "$dir/which" || { echo "$tool is missing: ./dev test installs it"; exit 1; }
done
mkdir "$dir/bin" "$dir/cwd"
ln -s "$(dirname "$want")/examples" "$dir/cwd/examples"
ln -s "$CONNMON_QUERY" "$dir/bin/connmon-query"
PATH=$dir/bin:$PATH
export PATH

command=
answer() {
	[ -n "$command" ] || return 0
	status=0
	(cd "$dir/cwd" && sh -c "$command") < /dev/null 2>&1 || status=$?
	[ "$status" = 0 ] || echo "[exit $status]"
	command=
}

inside=
while IFS= read -r line; do
	case $inside$line in
	'```console')
		inside=1
		printf '%s\n' "$line"
		;;
	'1```')
		answer
		inside=
		printf '%s\n' "$line"
		;;
	'1$ '*)
		answer
		command=${line#??}
		printf '%s\n' "$line"
		;;
	'1> '*)
		if [ -n "$command" ]; then
			command="$command
${line#??}"
			printf '%s\n' "$line"
		fi
		;;
	1*) ;; # what it answered
	*) printf '%s\n' "$line" ;;
	esac
done < "$want" > "$dir/got"
if [ -n "${CONNMON_BLESS:-}" ]; then
	cp "$dir/got" "$want"
fi
[ "$(grep -c '^\$ ' "$want")" -ge 20 ] || { echo "$want has less than 20 recipes"; exit 1; }
diff -u "$want" "$dir/got"
