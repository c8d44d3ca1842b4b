#!/bin/busybox sh
# shellcheck shell=dash
# The first process of the guest of power.sh: looks at what the last power cut has left on the
# disk, goes on recording there, and cuts the power, "cut_ms" after the collector was started, or was
# ready, as "from" says. "options" are the collector's, "rate" the load's; all of these come by the
# kernel's command line. It tells the host by the second serial port:
#
#   @@ found INTEGRITY NEWEST ROWS RECORDED STOPPED RUNS .    before anybody opens the database
#   @@ ready STOPPED RUNS .                                   the collector records
#   @@ at FIRST NEWEST NOW .       each 100 ms, us: what is committed, FIRST to NEWEST since the line
#                                  before that told of another NEWEST, or since this boot; without
#                                  those whose end nobody saw: they carry a time of before
#   @@ said WORDS                                             a collector that is gone
#
# The full stop shows that a line is whole.
/bin/busybox --install -s /bin
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/ LC_ALL=C.UTF-8

# mounted TYPE FOLDER
mounted() {
	mkdir -p "$2"
	mount -t "$1" "$1" "$2"
}
mounted proc /proc
mounted sysfs /sys
mounted devtmpfs /dev
mounted tmpfs /run # not on /tmp, in which a build folder may stand
mounted cgroup2 /sys/fs/cgroup
mkdir -p /disk
while read -r module; do
	insmod "$module"
done < /modules/order
ip link set lo up
exec 3> /dev/ttyS1
stty -F /dev/ttyS1 raw

# The power is gone, so long after MOMENT: what the kernel has not written is lost. QEMU ends.
cut_after() {
	# shellcheck disable=SC2154 # of the kernel's command line
	[ "$from" != "$1" ] || (usleep $((cut_ms * 1000)) && cut) &
}
cut() {
	echo b > /proc/sysrq-trigger
	sleep 100
}

# facts FILE QUERY: one line of words.
facts() { sqlite3 -batch -noheader -readonly -cmd '.timeout 5000' -separator ' ' "$1" "$2"; }

# A copy is looked at, so that the collector meets what the power cut has left.
look() {
	newest="SELECT id FROM connection WHERE outcome <> 8 ORDER BY id DESC LIMIT 1"
	cp /disk/connmon.db* /run/
	if [ "$(facts /run/connmon.db "SELECT count(*) FROM sqlite_schema WHERE name = 'account'")" != 1 ]; then
		echo "@@ found $(facts /run/connmon.db 'PRAGMA integrity_check(1)' | tr ' ' _) 0 0 0 0 0 ." >&3
	else
		echo "@@ found $(facts /run/connmon.db "
			SELECT (SELECT replace(group_concat(integrity_check), ' ', '_') FROM pragma_integrity_check(3)),
			       ifnull(($newest), 0),
			       (SELECT count(*) FROM connection WHERE outcome <> 8),
			       (SELECT total(recorded) FROM account WHERE record = 'end'),
			       (SELECT count(*) FROM gap WHERE reason = 'stopped'),
			       (SELECT count(*) FROM run)" 2>&1) ." >&3
	fi
	newest=$(facts /run/connmon.db "$newest")
	newest=${newest:-0}
	rm -f /run/connmon.db*
}

# follow NEWEST: a process that has the question asked for as long as the power is there.
follow() {
	{
		echo "CREATE TEMP TABLE told AS SELECT $1 AS first, $1 AS newest;"
		while :; do
			echo "INSERT INTO told SELECT min(id), max(id) FROM connection
				WHERE id > (SELECT max(newest) FROM told) AND outcome <> 8 HAVING count(*) > 0;
			SELECT '@@ at', first, newest, CAST((julianday('now') - 2440587.5) * 86400e6 AS INTEGER), '.'
				FROM told ORDER BY newest DESC LIMIT 1;"
			sleep 0.1
		done
	} | sqlite3 -batch -noheader -readonly -cmd '.timeout 5000' -separator ' ' /disk/connmon.db >&3
}

if ! mount -t ext4 /dev/vda /disk; then
	echo "@@ said the disk cannot be mounted" >&3
	cut
fi
newest=0
[ ! -e /disk/connmon.db ] || look
# shellcheck disable=SC2154 # of the kernel's command line
soak_load "$rate" > /run/load &
cut_after start
# shellcheck disable=SC2046,SC2154 # a list of words
connmon-collect --db /disk/connmon.db --accept lazy --no-dns $(echo "$options" | tr , ' ') 2> /run/err &
collector=$!
until grep -q 'connmon-collect: ready' /run/err; do
	if ! kill -0 $collector; then
		echo "@@ said $(tail -n 3 /run/err | tr '\n' ' ')" >&3
		cut
	fi
	usleep 20000
done
echo "@@ ready $(facts /disk/connmon.db "SELECT count(*) FILTER (WHERE reason = 'stopped'),
	(SELECT count(*) FROM run) FROM gap") ." >&3
follow "$newest" &
cut_after ready
wait $collector
echo "@@ said $(tail -n 3 /run/err | tr '\n' ' ')" >&3
cut
