#!/bin/sh
# The package under a real systemd: Debian 12 in QEMU, without KVM, where it is installed, collects,
# is restarted and upgraded under load, and is purged.
#
#   systemd.sh BUILD_FOLDER DEB [KERNEL]     (6.12 when not given; see vm.sh)
#
# BUILD_FOLDER has the load generator, tests/node/storm. Prints one line for each check,
# "systemd: CHECK passed|failed", and at the end "N passed, N failed, 0 skipped". Exit code 0: all
# well, 1: something failed, 2: a tool is missing. Needs root, for debootstrap, whose result is
# kept in build-vm.
set -eu

limit_s=900 # for a guest that hangs; on a quiet machine all takes 2 to 3 minutes
guest_packages="systemd-sysv,dbus,iproute2,sqlite3,libedit2,libbpf1,libelf1,libseccomp2,libcap2,libcurl4,libdeflate0"
checks="boot install status score privileges files names account.run forward.waits forward.sends
	forward.sandbox forward.account account.restart account.killed account.upgrade forward.upgrade
	gaps account.hung group others stop gap-of-a-stop forward.stop purge"

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/vm/kernel.sh
. "$here/kernel.sh"

# The disk of the guest, made once; no run writes to it.
make_disk() {
	disk=$cache/debian-12-$(echo "$guest_packages" | cksum | cut -d ' ' -f 1).img
	[ ! -e "$disk" ] || return 0
	if [ ! -e "$cache/debian-12/.done" ]; then
		rm -rf "$cache/debian-12"
		debootstrap --variant=minbase --include="$guest_packages" bookworm "$cache/debian-12" \
			> "$tmp/log" 2>&1 || { cat "$tmp/log"; die "debootstrap failed"; }
		touch "$cache/debian-12/.done"
	fi
	rm -f "$cache"/debian-12*.img # of other packages
	mkfs.ext4 -q -d "$cache/debian-12" "$disk.new" 900M
	mv "$disk.new" "$disk"
	rm -rf "$cache/debian-12"
}

# newer DEB: the same with a higher version, as an upgrade.
newer() {
	dpkg-deb -R "$1" "$tmp/newer"
	sed -i 's/^Version: .*/Version: 99.0-1/' "$tmp/newer/DEBIAN/control"
	dpkg-deb --root-owner-group -b "$tmp/newer" "$root/files/newer.deb" > "$tmp/log"
}

make_root() {
	root=$tmp/root
	mkdir -p "$root/bin" "$root/modules" "$root/files" "$root/proc" "$root/dev" "$root/disk"
	: > "$root/modules/order"
	cp "$(command -v busybox)" "$root/bin/busybox"
	cp "$here/systemd_init.sh" "$root/init"
	cp "$here/systemd_guest.sh" "$root/files/guest.sh"
	cp "$here/systemd_fleet.pl" "$root/files/fleet.pl"
	cp "$build/tests/node/storm" "$root/files/storm"
	cp "$deb" "$root/files/first.deb"
	chmod 755 "$root/init" "$root/files/guest.sh" "$root/files/fleet.pl"
	sed -n 's/^SELECT \([0-9]*\) AS version.*/\1/p' "$here/../../fleet/clickhouse/5_views.sql" \
		> "$root/files/schema"
	newer "$deb"
	for module in virtio_pci virtio_blk; do
		add_module "$module"
	done
	(cd "$root" && find . | cpio --quiet -o -H newc -R 0:0 | gzip -1) > "$tmp/initramfs"
}

boot() {
	timeout --foreground "$limit_s" qemu-system-x86_64 -accel tcg -cpu max -m 1024 -smp 2 \
		-nodefaults -display none -no-reboot -kernel "$vmlinuz" -initrd "$tmp/initramfs" \
		-append "console=ttyS0 quiet oops=panic panic=-1 $faster" \
		-drive "file=$disk,if=virtio,format=raw,snapshot=on" \
		-serial "file:$tmp/console" -serial stdio < /dev/null || true
}

# The guest says "@@ NAME ok", or "@@ NAME failed: WHY"; all else is for who reads it.
judge() {
	while IFS= read -r line; do
		line=$(printf '%s' "$line" | tr -d '\r')
		case $line in
		"@@ "*" ok"*)
			line=${line#@@ }
			name=${line%% *}
			echo "systemd: $name passed${line#* ok}"
			;;
		"@@ "*)
			line=${line#@@ }
			name=${line%% *}
			echo "systemd: $name failed${line#* failed}"
			;;
		*)
			printf '\t%s\n' "$line"
			continue
			;;
		esac
		echo "$name" >> "$tmp/judged"
	done
	for name in $checks; do
		grep -qx "$name" "$tmp/judged" || echo "systemd: $name failed: it was not reached"
	done
}

[ $# -ge 2 ] || die "usage: systemd.sh BUILD_FOLDER DEB [KERNEL]"
[ -x "$1/tests/node/storm" ] || die "$1/tests/node/storm is missing: build it"
[ -r "$2" ] || die "$2 cannot be read"
build=$(cd "$1" && pwd)
deb=$(realpath "$2")
for tool in qemu-system-x86_64 busybox cpio xz debootstrap mkfs.ext4 dpkg-deb; do
	command -v "$tool" > "$tmp/log" || die "$tool is missing: ./dev installs it"
done
mkdir -p "$cache"
: > "$tmp/judged"
debian_kernel "${3:-6.12}" || exit 2
make_disk
make_root
boot | judge | tee "$tmp/lines"
count() { grep -c "^systemd: [^ ]* $1" "$tmp/lines" || true; }
failed=$(count failed)
passed=$(count passed)
[ "$failed" = 0 ] || tail -n 40 "$tmp/console" | tr -d '\r'
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
