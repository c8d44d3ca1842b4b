#!/bin/sh
# The first process of the guest: runs each line of /tests and tells the host what
# came of it by the second serial port. See vm.sh.
#
# Not in busybox's shell, which prefers its own ip to that of the PATH.
/bin/busybox --install -s /bin
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/ LC_ALL=C.UTF-8
export CONNMON_GUEST=1 # what may be done here only, such as setting the clock

# mounted TYPE FOLDER
mounted() {
	mkdir -p "$2"
	mount -t "$1" "$1" "$2"
}
mounted proc /proc
mounted sysfs /sys
mounted devtmpfs /dev
mounted devpts /dev/pts
mounted tmpfs /dev/shm
mounted tmpfs /run
mounted cgroup2 /sys/fs/cgroup
mounted tracefs /sys/kernel/tracing
mounted debugfs /sys/kernel/debug
mounted bpf /sys/fs/bpf
mkdir -p /tmp
chmod 1777 /tmp # in which a build folder may stand
ln -s /proc/self/fd /dev/fd

while read -r module; do
	insmod "$module"
done < /modules/order
ip link set lo up

exec 3> /dev/ttyS1
stty -F /dev/ttyS1 raw
tell() { echo "@@ $*" >&3; }

# The last of a test's output, which may end in the middle of a line.
show() { [ ! -s "$1" ] || printf '%s\n' "$(tail -c 20000 "$1" | tr -d '\r')" >&3; }

# attempt LIMIT_S COMMAND: sets code.
attempt() {
	timeout -s KILL "$1" /bin/sh -c "$2" < /dev/null > /out 2>&1
	code=$?
	[ "$code" != 137 ] || echo "killed, perhaps after its time limit of $1 s" >> /out
	[ "$code" = 0 ] || show /out
}

cd /tmp || exit
tell booted "$(uname -r)"
while IFS='	' read -r name limit_s command; do
	tell began "$name"
	start=$(date +%s)
	attempt "$limit_s" "$command"
	if [ "$code" != 0 ] && [ "$code" != 77 ]; then
		# A processor here may stand still for as long as the host likes. The host tells of it.
		tell again "$name" "$code"
		attempt "$limit_s" "$command"
	fi
	tell ended "$name" "$code" $(($(date +%s) - start))
done < /tests

# Who watches the kernel must give it no reason to complain. (That a processor got
# no time is this emulator's doing.)
tell began kernel.log
dmesg | grep -E 'WARNING: |BUG: |Oops|protection fault' | grep -v 'soft lockup' > /out
code=0
if [ -s /out ]; then
	dmesg | tail -n 100 > /out
	show /out
	code=1
fi
tell ended kernel.log "$code" 0
reboot -f
