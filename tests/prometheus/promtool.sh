#!/bin/sh
# promtool.sh TEST_METRICS RULES.yml TESTS.yml: what the collector writes is what Prometheus reads,
# and the alerts come when they should. TEST_METRICS writes such a file.
# promtool is that of $PATH, or of Debian's package prometheus, which dev unpacks into build-promtool:
# to install it would start a service.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
promtool=$(command -v promtool || echo "$here/../../build-promtool/usr/bin/promtool")
[ -x "$promtool" ] || { echo "promtool is missing: ./dev test fetches it"; exit 1; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$1" "$dir/connmon.prom"
# It also finds fault with names that are not as they should be.
"$promtool" check metrics < "$dir/connmon.prom"
cp "$2" "$3" "$dir"
cd "$dir"
"$promtool" check rules "$(basename "$2")"
"$promtool" test rules "$(basename "$3")"

# What an alert asks for is there, and each alert has been seen to come.
rules=$(basename "$2")
tests=$(basename "$3")
grep -o 'connmon_[a-z_]*' "$rules" | sort -u | while read -r name; do
	grep -q "^${name}[ {]" connmon.prom || { echo "$name is in no metrics"; exit 1; }
done
sed -n 's/.*- alert: //p' "$rules" | while read -r alert; do
	sed -n "/alertname: $alert\$/,/exp_alerts/p" "$tests" | grep -q exp_alerts ||
		{ echo "no test lets $alert come"; exit 1; }
done
