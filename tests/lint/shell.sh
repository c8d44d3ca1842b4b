#!/bin/sh
# Every shell script passes shellcheck.
#
#   shell.sh SOURCE_FOLDER
set -eu
cd "$1"
command -v shellcheck || { echo "shellcheck is missing: ./dev test installs it"; exit 1; }
find . -path './build*' -prune -o -path ./.git -prune -o -name '*.sh' \
	-exec shellcheck dev .ci/run {} +
