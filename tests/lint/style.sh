#!/bin/sh
# All C is formatted by the .clang-format of the repository (`./dev format`).
# Each version of clang-format has a taste of its own; ours is 14's.
#
#   style.sh SOURCE_FOLDER
set -eu
cd "$1"

for tool in clang-format-14 clang-format; do
	if command -v "$tool" && "$tool" --version | grep -q 'version 14\.'; then
		find . -path './build*' -prune -o -path ./.git -prune -o -name '*.[ch]' \
			-exec "$tool" --dry-run -Werror {} +
		exit
	fi
done
command -v clang-format || { echo "clang-format is missing: ./dev test installs it"; exit 1; }
echo "SKIP: the style is that of clang-format 14, here is $(clang-format --version)"
exit 77
