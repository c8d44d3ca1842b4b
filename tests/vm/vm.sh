#!/bin/sh
# The node tests on other kernels: boots each in QEMU, without KVM, all at once, and runs
# there what ctest calls a node test in a build folder. See vm_help below; needs no root.
set -eu

vm_help() {
	cat <<-END
	vm.sh BUILD_FOLDER KERNEL...

	KERNEL  6.1, 6.12, ...: Debian's cloud kernel of this version, the newest one that
	        apt knows. It is kept in build-vm and not installed.
	        VMLINUZ[:FOLDER]: a file, and the folder in which lib/modules/VERSION stands.

	Prints one line for each test, "vm KERNEL: TEST passed|failed|skipped", with the output
	of a failed one, which is run once again, and at the end "N passed, N failed, N skipped".
	Exit code 0: all well, 1: something failed, 2: not to be understood, or a tool is missing.
	ONLY=REGEX in the environment runs the tests whose names match.
	END
}

# Some tests run again with another option for each collector: "OPTION TESTS", TESTS
# being a regex. What the plain run takes by itself on these kernels (the tracepoint,
# fexit) needs no row.
variants() {
	cat <<-END
	--hook=kprobe loopback|bytes|failed|ends|again|owner|open
	END
}

test_limit_s=180   # of one test, as for ctest
kernel_limit_s=1500 # of one kernel, should it hang: all tests take some 8 minutes
guest_tools="ip ss sqlite3 unshare setpriv dnsmasq" # beside those of busybox
guest_modules="veth bridge tcp_diag nfsv4"

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/vm/kernel.sh
. "$here/kernel.sh"

# ---- what the guest finds ----

# list_tests FILE: "NAME<tab>SECONDS<tab>COMMAND" as ctest would run them, then what
# may run nowhere else, then the variants, named node.bytes[OPTION].
list_tests() {
	ctest --test-dir "$build" -L '^node$' -LE '^(store|program|crowd)$' --show-only=json-v1 > "$tmp/ctest.json"
	sqlite3 -batch -noheader -separator '	' :memory: "
		SELECT test.value->>'name', $test_limit_s,
		    (SELECT group_concat('''' || replace(value, '''', '''\\''''') || '''', ' ')
		     FROM json_each(test.value, '\$.command'))
		FROM json_each(readfile('$tmp/ctest.json'), '\$.tests') AS test" > "$tmp/plain"
	[ -s "$tmp/plain" ] || die "$build has no node tests: is it built?"
	find "$build/tests/vm" -name 'vm_*' -type f -perm -u+x | sort | while read -r file; do
		printf "vm.%s\t%s\t'%s'\n" "${file##*/vm_}" "$test_limit_s" "$file"
	done >> "$tmp/plain"
	variants | while read -r option names; do
		grep -E "^node\.($names)	" "$tmp/plain" |
			sed "s/	/[$option]	/; s/\(.*	\)/\1CONNMON_NODE_OPTIONS=$option /"
	done > "$tmp/variants"
	ONLY=${ONLY:-.} awk -F '	' '$1 ~ ENVIRON["ONLY"]' "$tmp/plain" "$tmp/variants" > "$1"
	[ -s "$1" ] || die "no such test"
}

# make_root: all but the modules.
make_root() {
	root=$tmp/root
	mkdir -p "$root/bin" "$root/etc"
	cp "$(command -v busybox)" "$root/bin/busybox"
	cp "$here/init.sh" "$root/init"
	chmod 755 "$root/init"
	echo 'root:x:0:0::/:/bin/sh' > "$root/etc/passwd"
	echo 'nobody:x:65534:65534::/:/bin/false' >> "$root/etc/passwd"
	touch "$root/etc/resolv.conf" "$root/etc/nsswitch.conf" "$root/etc/hosts" # a test puts its own over them
	list_tests "$root/tests"
	# The programs that tests start are beside them or in the folders of their layer.
	find "$build/collector" "$build/query" "$build/tests/node" -name CMakeFiles -prune -o \
		-type f -perm -u+x -print > "$tmp/files"
	printf "/bin/sh\n/bin/bash\n" >> "$tmp/files"
	for tool in $guest_tools; do
		command -v "$tool" >> "$tmp/files" || die "$tool is missing"
	done
	# Scripts of the source folder.
	grep -o "'/[^']*'" "$root/tests" | tr -d "'" >> "$tmp/files"
	while read -r file; do
		add "$file"
	done < "$tmp/files"
}

# ---- the run ----

# What one kernel needs stands in $at, a folder of its own.
make_initramfs() {
	rm -rf "$root/modules"
	mkdir "$root/modules"
	: > "$root/modules/order"
	for module in $guest_modules; do
		[ -z "$modules" ] || add_module "$module"
	done
	(cd "$root" && find . | cpio --quiet -o -H newc -R 0:0) > "$at/initramfs"
}

boot() {
	# A kernel that stumbles ends, and so does QEMU: the tests that are left have failed.
	timeout --foreground "$kernel_limit_s" qemu-system-x86_64 -accel tcg -cpu max -m 1024 -smp 2 \
		-nodefaults -display none -no-reboot -pidfile "$at/pid" \
		-kernel "$vmlinuz" -initrd "$at/initramfs" \
		-append "console=ttyS0 quiet oops=panic panic=-1 $faster" \
		-serial "file:$at/console" -serial stdio < /dev/null || true
	tail -n 40 "$at/console" | tr -d '\r'
}

# verdict KERNEL TEST WORDS: the last word on it.
verdict() {
	echo "vm $1: $2 $3"
	grep -vxF "$2" "$at/left" > "$at/rest" || true
	mv "$at/rest" "$at/left"
}

# tell KERNEL FILE: what a test printed. Begins with a tab, as no verdict does.
tell() { sed "s/^/	$1	/" "$2"; }

# judge KERNEL: a line for each test, from what the guest tells. (In the shell, as
# awk would first wait for a few KiB.)
judge() {
	cut -f 1 "$root/tests" > "$at/left"
	echo kernel.log >> "$at/left"
	: > "$at/output"
	running=
	while IFS= read -r line; do
		case $line in
		"@@ booted "*)
			echo "vm $1: booted ${line#@@ booted }"
			;;
		"@@ began "*)
			running=${line#@@ began }
			: > "$at/output"
			;;
		"@@ again "*)
			echo "vm $1: $running did not pass (exit code ${line##* }): once again"
			tell "$1" "$at/output"
			: > "$at/output"
			;;
		"@@ ended "*)
			line=${line##* "$running" }
			code=${line% *}
			seconds=${line#* }
			case $code in
			0) verdict "$1" "$running" "passed ($seconds s)" ;;
			77) verdict "$1" "$running" "skipped: $(tr '\n' ' ' < "$at/output")" ;;
			*)
				verdict "$1" "$running" "failed (exit code $code, $seconds s)"
				tell "$1" "$at/output"
				;;
			esac
			running=
			: > "$at/output"
			;;
		*)
			printf '%s\n' "$line" >> "$at/output"
			;;
		esac
	done
	[ ! -s "$at/left" ] || tell "$1" "$at/output" # the last words of the kernel
	while read -r name; do
		if [ "$name" = "$running" ]; then
			verdict "$1" "$name" "failed: the guest ended in it"
		else
			verdict "$1" "$name" "failed: it was not reached"
		fi
	done < "$at/left"
}

case ${1:-} in
'' | -h | --help)
	vm_help
	exit 2
	;;
esac
[ $# -ge 2 ] || die "which kernel?"
[ -d "$1" ] || die "$1 is not a folder"
build=$(cd "$1" && pwd)
shift
for tool in qemu-system-x86_64 busybox cpio xz ctest sqlite3; do
	command -v "$tool" > "$tmp/log" || die "$tool is missing: ./dev installs it"
done
[ "$(uname -m)" = x86_64 ] || die "this boots kernels of x86_64 only"

# What runs in the background does not hear Ctrl-C. QEMU takes its pidfile away when it ends.
stop_guests() {
	for pid in "$tmp"/*/pid; do
		[ ! -e "$pid" ] || kill "$(cat "$pid")" || true
	done
}
trap 'stop_guests; rm -rf "$tmp"' EXIT

make_root
for kernel; do
	case $kernel in
	*/*)
		vmlinuz=${kernel%%:*}
		modules=
		[ "$vmlinuz" = "$kernel" ] || modules=${kernel#*:}
		label=${vmlinuz##*/}
		[ -r "$vmlinuz" ] || { echo "vm $label: kernel failed: cannot be read"; continue; }
		;;
	*)
		label=$kernel
		debian_kernel "$kernel" || continue
		;;
	esac
	at=$tmp/$label
	mkdir -p "$at"
	make_initramfs
	boot | judge "$label" &
done | tee "$tmp/lines"

count() { grep -c "^vm [^ ]*: [^ ]* $1" "$tmp/lines" || true; }
failed=$(count failed)
passed=$(count passed)
echo "$passed passed, $failed failed, $(count skipped) skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
