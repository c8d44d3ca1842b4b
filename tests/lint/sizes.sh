#!/bin/sh
# No file is longer than 500 lines: it would do more than one thing.
#
#   sizes.sh SOURCE_FOLDER
set -eu
cd "$1"
long=$(find . -path './build*' -prune -o -path ./.git -prune -o -type f \
	\( -name '*.[ch]' -o -name '*.sh' -o -name '*.sql' -o -name '*.cmake' \
	-o -name CMakeLists.txt -o -path ./dev \) -exec wc -l {} \; | awk '$1 > 500')
[ -z "$long" ] || { echo "longer than 500 lines, so split:"; echo "$long"; exit 1; }
