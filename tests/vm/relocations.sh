#!/bin/sh
# Does the BPF object for arm64 find every field it reads in arm64 kernels? Asks the
# type information (BTF) of Debian's cloud kernels, so no arm64 machine is needed.
#
#   relocations.sh OBJECT.bpf.o VERSION...        (6.1, 6.12, ...)
#
# apt gets lists of arm64 of its own in build-vm; that of the system stays as it is.
set -eu
[ $# -ge 2 ] || { echo "usage: relocations.sh OBJECT.bpf.o VERSION..." >&2; exit 2; }
object=$1
shift
cache=$(cd "$(dirname "$0")/../.." && pwd)/build-vm
apt=$cache/apt-arm64
bpftool=$(command -v bpftool || echo /usr/sbin/bpftool)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# for_arm64 PROGRAM ARGUMENT...: apt as on an arm64 machine where nothing is installed.
for_arm64() {
	program=$1
	shift
	"$program" -q -o APT::Architecture=arm64 -o APT::Architectures::=arm64 \
		-o Dir::State="$apt" -o Dir::State::status="$apt/status" -o Dir::Cache="$apt/cache" \
		-o APT::Sandbox::User=root -o Acquire::Languages=none "$@" 2>> "$tmp/log"
}

newest() {
	for meta in "linux-image-$1-cloud-arm64" linux-image-cloud-arm64; do
		for_arm64 apt-cache depends "$meta" |
			sed -n "s/^ *Depends: \(linux-image-$1\.[^:]*\).*/\1/p"
	done | head -n 1
}

# btf PACKAGE: makes $cache/PACKAGE.btf. The table lies in the image as it is; of all
# places that look like its beginning, it is where bpftool can read the most types.
btf() {
	(cd "$tmp" && for_arm64 apt-get download "$1") > "$tmp/out" || return 1
	dpkg-deb --fsys-tarfile "$tmp/$1"_*.deb | tar -xO --wildcards './boot/vmlinuz-*' > "$tmp/image"
	most=0
	LC_ALL=C grep -abo -P '\x9f\xeb\x01\0\x18\0\0\0\0\0\0\0' "$tmp/image" | cut -d : -f 1 > "$tmp/places"
	while read -r at; do
		tail -c +$((at + 1)) "$tmp/image" > "$tmp/btf"
		types=$("$bpftool" btf dump file "$tmp/btf" 2>> "$tmp/log" | grep -c '^\[' || true)
		[ "$types" -le "$most" ] || { most=$types; mv "$tmp/btf" "$cache/$1.btf"; }
	done < "$tmp/places"
	[ "$most" -gt 10000 ]
}

# check VERSION: each relocation that libbpf tells of must have found its field.
check() {
	package=$(newest "$1")
	[ -n "$package" ] || { echo "arm64 $1: apt knows no such kernel"; return 1; }
	[ -e "$cache/$package.btf" ] || btf "$package" || { cat "$tmp/log"; return 1; }
	"$bpftool" -d gen min_core_btf "$cache/$package.btf" "$tmp/min" "$object" > "$tmp/told" 2>&1 ||
		{ cat "$tmp/told"; return 1; }
	awk -v kernel="$package" '
		function unanswered() { if (asked) { print "	" asked; bad++ } }
		!/: relo #[0-9]+: / || /: (non-matching candidate|no matching targets)/ { next }
		/: matching candidate/ { asked = ""; next }
		{ unanswered(); asked = $0; n++ }
		END {
			unanswered()
			print "arm64 " kernel ": " n + 0 " relocations, " bad + 0 " without a field"
			exit bad > 0 || n == 0
		}' "$tmp/told"
}

mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
: > "$apt/status"
for_arm64 apt-get update > "$tmp/out" || { cat "$tmp/log"; exit 1; }
result=0
for version; do
	check "$version" || result=1
done
exit $result
