#!/bin/sh
# conn_log.sh DB SINCE UNTIL: the connections that ended from SINCE on, before UNTIL, as Zeek's
# conn.log (https://docs.zeek.org/en/current/log-formats.html). The times as SQLite reads them,
# UTC: '2026-01-31 02:20:00', or 'now'.
set -eu
if [ $# != 3 ]; then
	echo "usage: conn_log.sh DB SINCE UNTIL, as in conn_log.sh /var/lib/connmon.db '2026-01-31 02:20:00' now" >&2
	exit 2
fi
db=$1 since=$2 until=$3
for time in "$since" "$until"; do
	case $time in
	*[!0-9A-Za-z:.\ -]*) known='' ;;
	*) known=$(sqlite3 :memory: "SELECT unixepoch('$time')") ;;
	esac
	if [ -z "$known" ]; then
		echo "conn_log.sh: $time: no time; write '2026-01-31 02:20:00', in UTC, or now" >&2
		exit 2
	fi
done

# field TYPE SQL: zeek_conn has them in this order, too.
fields='' types='' columns=''
field() {
	fields="$fields	$1"
	types="$types	$2"
	columns="$columns${columns:+, }${3:-\"$1\"}"
}
field ts time "printf('%.6f', ts)" # all digits, of which SQLite would print 15
field uid string
field id.orig_h addr
field id.orig_p port
field id.resp_h addr
field id.resp_p port
field proto enum
field service string
field duration interval "printf('%.6f', duration)"
field orig_bytes count
field resp_bytes count
field conn_state string
field local_orig bool
field local_resp bool
field missed_bytes count
field history string
field orig_pkts count
field orig_ip_bytes count
field resp_pkts count
field resp_ip_bytes count

printf '#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n'
printf '#fields%s\n#types%s\n' "$fields" "$types"
sqlite3 -readonly -tabs -nullvalue - "$db" "SELECT $columns FROM zeek_conn
	WHERE connmon_id >= unixepoch('$since') * 1000000
	  AND connmon_id < unixepoch('$until') * 1000000 AND uid IS NOT NULL"
