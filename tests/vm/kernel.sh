# shellcheck shell=sh
# shellcheck disable=SC2154 # those are theirs
# kernel.sh - Debian's kernels and what a guest's initramfs needs, for the scripts beside this one.
# They set $here, their folder, and $root, that of the initramfs; $cache is kept, $tmp is not.
cache=$(cd "$here/../.." && pwd)/build-vm
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM

# What costs much where each instruction is emulated and no enemy is in the house;
# and without the last one 6.1 asks an emulated device for the time.
# shellcheck disable=SC2034 # for whoever calls this
faster="mitigations=off init_on_alloc=0 tsc=reliable"

die() {
	echo "${0##*/}: $*" >&2
	exit 2
}

# ---- the kernel ----

# newest VERSION: the package that Debian's meta packages name for it, or nothing.
newest() {
	for meta in "linux-image-$1-cloud-amd64" linux-image-cloud-amd64; do
		apt-cache depends "$meta" 2> "$tmp/log" |
			sed -n "s/^ *Depends: \(linux-image-$1\..*\)/\1/p"
	done | head -n 1
}

# download PACKAGE: unpacked in the cache; half a kernel is not left behind.
download() {
	rm -rf "$cache/new"
	mkdir -p "$cache/new/deb"
	(cd "$cache/new/deb" && apt-get download -q "$1") > "$tmp/log" 2>&1 &&
		dpkg-deb -x "$cache"/new/deb/*.deb "$cache/new" &&
		rm -rf "$cache/new/deb" "$cache/new/usr" &&
		mv "$cache/new" "$cache/$1"
}

have() {
	[ -d "$cache/$1" ] || download "$1"
}

# debian_kernel VERSION: sets vmlinuz and modules, for whoever calls this.
# shellcheck disable=SC2034
debian_kernel() {
	package=$(newest "$1")
	if [ -z "$package" ] || ! have "$package"; then
		# What apt knows may be missing or old.
		apt-get update -q > "$tmp/log" 2>&1 || true
		package=$(newest "$1")
		if [ -z "$package" ]; then
			echo "vm $1: kernel failed: apt knows no linux-image-$1...-cloud-amd64"
			return 1
		fi
		if ! have "$package"; then
			echo "vm $1: kernel failed: no $package"
			sed 's/^/	/' "$tmp/log"
			return 1
		fi
	fi
	vmlinuz=$(echo "$cache/$package"/boot/vmlinuz-*)
	modules=$cache/$package
}

# ---- what the guest finds ----

# add FILE...: at the same path, with the libraries it needs.
add() {
	for file; do
		[ ! -e "$root/$file" ] || continue
		mkdir -p "$root/$(dirname "$file")"
		cp -L "$file" "$root/$file"
		# shellcheck disable=SC2046 # a list of paths
		add $(ldd "$file" 2> "$tmp/log" | grep -o '/[^ ]*')
	done
}

# add_module NAME: and first what it depends on. Nothing where it is built in.
add_module() {
	[ ! -e "$root/modules/$1.ko" ] || return 0
	file=$(find "$modules/lib/modules" -name "$(echo "$1" | tr _- '??').ko*" | head -n 1)
	case $file in
	*.ko) cp "$file" "$root/modules/$1.ko" ;;
	*.xz) xz -dc "$file" > "$root/modules/$1.ko" ;;
	*.zst) zstd -qdc "$file" > "$root/modules/$1.ko" ;;
	*) return 0 ;;
	esac
	for needed in $(tr '\0' '\n' < "$root/modules/$1.ko" | sed -n 's/^depends=//p' | tr , ' '); do
		add_module "$needed"
	done
	echo "/modules/$1.ko" >> "$root/modules/order"
}
