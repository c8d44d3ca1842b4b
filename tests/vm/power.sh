#!/bin/sh
# Power cuts: a guest in QEMU, without KVM, records connections to a database on ext4 and loses its
# power at a random moment; the next boot looks at what is left, and goes on.
#
#   power.sh BUILD_FOLDER [CUTS [KERNEL]]     (20 of them, 6.12)
#
# Each cut is a reset within the guest, or the end of QEMU, so that all the guest's kernel had not
# written is gone. (The disk itself loses nothing: what a drive may forget of its own cache despite
# a flush is not tried.) After each one must hold
#
#   integrity  PRAGMA integrity_check says ok, and the disk can be mounted
#   durable    with --durable, in every second boot: no row is gone of those that a reader saw
#   recent     without it: no row is gone of those a reader saw that ended more than $promise_s before
#              the cut
#   account    as many rows as the account says
#   goes-on    the collector starts, says by a gap "stopped" that it was away, and records
#
# A guest that has not cut its power in $boot_limit_s is ended and counts as no cut: another takes its
# turn, as long as there are fewer of those than cuts.
#
# Prints one line for each cut, and at the end "power: N cuts ..., all held" with exit code 0, or
# what did not with 1; 2: a tool is missing. Needs no root. RATE in the environment: connections per
# second (400); SECONDS_TO_CUT: the longest time from when the collector is ready to the cut (15, so that
# more could be gone than is promised);
# CONNMON_TOLD: keep what each guest told, in files whose names begin so.
set -eu

promise_s=10 # five seconds and the flush, says the man page; and a guest here may stand still
boot_limit_s=180
rate=${RATE:-400}
longest_s=${SECONDS_TO_CUT:-15}

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/vm/kernel.sh
. "$here/kernel.sh"

make_root() {
	root=$tmp/root
	mkdir -p "$root/bin" "$root/etc" "$root/modules"
	: > "$root/modules/order"
	cp "$(command -v busybox)" "$root/bin/busybox"
	cp "$here/power_init.sh" "$root/init"
	chmod 755 "$root/init"
	echo 'root:x:0:0::/:/bin/sh' > "$root/etc/passwd"
	for program in "$build/collector/connmon-collect" "$build/tests/soak/soak_load" "$(command -v sqlite3)"; do
		add "$program"
		ln -sf "$program" "$root/bin/${program##*/}"
	done
	for module in virtio_pci virtio_blk; do
		add_module "$module"
	done
	(cd "$root" && find . | cpio --quiet -o -H newc -R 0:0) > "$tmp/initramfs"
}

make_disk() {
	disk=$tmp/disk
	truncate -s 1G "$disk"
	mkfs.ext4 -q -F "$disk"
}

# random FROM TO
random() { shuf -n 1 -i "$1-$2"; }

# boot FROM CUT_MS OPTIONS: until it cuts its power, so long after the collector was started ("start")
# or was ready ("ready"). With "host", QEMU is killed so long after that. Its words go to $tmp/told.
# As nothing happens to the host, a flush need not reach the host's disk (cache=unsafe). $in_time: it
# was a cut, and not the end of patience.
boot() {
	mv "$tmp/told" "$tmp/told_before"
	: > "$tmp/told"
	in_time=no
	qemu-system-x86_64 -accel tcg -cpu max -m 1024 -smp 2 \
		-nodefaults -display none -no-reboot -kernel "$vmlinuz" -initrd "$tmp/initramfs" \
		-append "console=ttyS0 quiet oops=panic panic=-1 $faster from=$1 cut_ms=$2 options=$3 rate=$rate" \
		-drive "file=$disk,if=virtio,format=raw,cache=unsafe" \
		-serial "file:$tmp/console" -serial "file:$tmp/told" < /dev/null &
	qemu=$!
	for _ in $(seq $((boot_limit_s * 10))); do
		if ! kill -0 "$qemu" 2> /dev/null; then
			in_time=yes
			break
		fi
		if [ "$1" = host ] && [ -n "$(of ready)" ]; then
			sleep $(($2 / 1000)).$(($2 % 1000 / 100))
			in_time=yes
			break
		fi
		sleep 0.1
	done
	kill -KILL "$qemu" 2> /dev/null || true
	wait "$qemu" 2> /dev/null || true
	qemu=
}

# of NAME: the words of its last line that is whole; nothing if there is none.
of() {
	tr -d '\r' < "$tmp/told" | sed -n "s/^@@ $1 \(.*\) \.\$/\1/p" | tail -n 1
}

# wrong WORDS: this cut has broken a promise.
wrong() {
	echo "power: cut $cut: FAILED: $*"
	failed=$((failed + 1))
}

# oldest_gone NEWEST: of the rows that a reader saw before the cut and that are newer than NEWEST, the
# oldest; nothing if there is none. (A commit of which a part is there does not exist; but a reader may
# have seen two at once.)
oldest_gone() {
	tr -d '\r' < "$1" | awk -v newest="$2" '
		/^@@ at [0-9]+ [0-9]+ [0-9]+ [.]$/ && $4 > newest { print ($3 > newest ? $3 : newest); exit }'
}

# judge_found: what the cut before this boot left; $at_newest and $at_now are what a reader saw last.
judge_found() {
	# shellcheck disable=SC2046 # words
	set -- $(of found)
	if [ $# -ne 6 ]; then
		# The very first cut may have come before there was a file.
		[ "$had$at_newest" = 0 ] || wrong "there was a database, and now: $*"
		return 0
	fi
	had=1
	integrity=$1 newest=$2 rows=$3 recorded=${4%.0} stopped=$5 runs=$6
	[ "$integrity" = ok ] || wrong "integrity_check says $integrity"
	[ "$rows" = "$recorded" ] || wrong "$rows rows, the account says $recorded"
	[ -n "$at_newest" ] || return 0
	gone=$(oldest_gone "$tmp/told_before" "$newest")
	gone_ms=$(((at_now - ${gone:-$at_now}) / 1000))
	[ "$gone_ms" -ge 0 ] || gone_ms=0 # on a busy host a guest's clock may run too fast for one boot
	case $last_options in
	*durable*)
		[ -z "$gone" ] || wrong "--durable, and rows are gone, the oldest of $gone_ms ms before the cut"
		echo "$gone_ms" >> "$tmp/durable"
		;;
	*)
		[ "$gone_ms" -le $((promise_s * 1000)) ] || wrong "a row is gone of $gone_ms ms before the cut"
		echo "$gone_ms" >> "$tmp/plain"
		;;
	esac
	echo "power: cut $cut: integrity $integrity, $rows rows = the account; oldest row gone:" \
		"$([ -n "$gone" ] && echo "$gone_ms ms before the cut" || echo none) ($last_options, cut by $last_cut)"
}

# ages FILE: how many cuts were looked at, and how old the oldest row was that each took.
ages() {
	sort -n "$1" | awk '
		{ age[NR] = $1; some += $1 > 0 }
		END { printf "%d looked at, %d of them took rows, the oldest at most %d ms old (median %d ms)",
			NR, some, age[NR], age[int((NR + 1) / 2)] }'
}

# judge_boot: whether the collector then went on.
judge_boot() {
	said=$(tr -d '\r' < "$tmp/told" | sed -n 's/^@@ said //p')
	[ -z "$said" ] || wrong "$said"
	# shellcheck disable=SC2046 # words
	set -- $(of ready)
	if [ $# = 2 ]; then
		ready=$((ready + 1))
		if [ "${runs:-0}" -gt 0 ]; then
			[ "$1" = $((stopped + 1)) ] || wrong "$1 gaps 'stopped' after $stopped"
			[ "$2" = $((runs + 1)) ] || wrong "$2 runs after $runs"
		fi
	fi
}

[ $# -ge 1 ] || die "usage: power.sh BUILD_FOLDER [CUTS [KERNEL]]"
[ -x "$1/tests/soak/soak_load" ] || die "$1/tests/soak/soak_load is missing: build it"
build=$(cd "$1" && pwd)
cuts=${2:-20}
for tool in qemu-system-x86_64 busybox cpio xz mkfs.ext4 sqlite3 shuf; do
	command -v "$tool" > "$tmp/log" || die "$tool is missing: ./dev installs it"
done
[ "$(uname -m)" = x86_64 ] || die "this boots kernels of x86_64 only"
mkdir -p "$cache"
qemu=
trap '[ -z "$qemu" ] || kill -KILL "$qemu" 2> /dev/null || true; rm -rf "$tmp"' EXIT
debian_kernel "${3:-6.12}" || exit 2
make_root
make_disk
failed=0 had=0 ready=0 n=0 cut=0 late=0
at_newest='' at_now='' last_options='' last_cut=''
: > "$tmp/told"
: > "$tmp/durable"
: > "$tmp/plain"
while :; do
	runs=0 stopped=0
	options=--flush,500ms
	[ $((n % 2)) = 0 ] || options=$options,--durable
	cut_ms=$(random 0 $((longest_s * 1000)))
	case $((n % 8)) in
	2 | 5) from=host ;;
	7) from=start ;;
	*) from=ready ;;
	esac
	[ "$cut" -lt "$cuts" ] || from=ready cut_ms=0 # this one only looks
	boot "$from" "$cut_ms" "$options"
	[ -z "${CONNMON_TOLD:-}" ] || cp "$tmp/told" "$CONNMON_TOLD.$((cut + late))"
	if [ "$in_time" = yes ] || [ -n "$(of found)" ]; then
		[ "$cut" = 0 ] || judge_found
		at=$(of at) # FIRST NEWEST NOW
		at_now=${at##* } at_newest=${at% *}
		at_newest=${at_newest#* }
		[ "$at_newest" != 0 ] || at_newest=
		judge_boot
	else
		mv "$tmp/told_before" "$tmp/told" # nobody has looked at what the last cut left
	fi
	if [ "$in_time" = no ]; then
		late=$((late + 1))
		echo "power: the guest took longer than $boot_limit_s s: no cut"
		at_newest= # it has not lost its power where it should
		[ "$late" -lt "$cuts" ] || break
		continue
	fi
	[ "$cut" -lt "$cuts" ] || break
	cut=$((cut + 1)) n=$((n + 1))
	last_options=$options last_cut=$from
done
echo "power: $cut cuts, $late guests took too long; the collector was ready before $ready of them;" \
	"with --durable $(ages "$tmp/durable"); without $(ages "$tmp/plain");" \
	"$([ "$failed" = 0 ] && echo all held || echo "$failed FAILED")"
looked=$(cat "$tmp/durable" "$tmp/plain" | wc -l)
[ "$failed" = 0 ] && [ "$cut" = "$cuts" ] && [ "$looked" -gt $((cuts / 2)) ]
