#!/bin/bash
# In the guest of systemd.sh: what the package does from its installation to its end. Each check
# says "@@ NAME ok" or "@@ NAME failed: WHY".
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
db=/var/lib/connmon.db
unit=connmon-collect.service
cd /test || exit
trap 'systemctl --no-block poweroff' EXIT

ok() { echo "@@ $1 ok${2:+ ($2)}"; }
failed() {
	echo "@@ $1 failed: $2"
	journalctl -q --no-pager -n 15 -u "$unit" -o cat
}

# check NAME WHAT COMMAND...: whether it is so.
check() {
	local name=$1 what=$2
	shift 2
	if "$@"; then ok "$name" "$what"; else failed "$name" "not so: $what"; fi
}

ask() { sqlite3 -readonly "$db" ".timeout 5000" "$1"; }
property() { systemctl show -P "$1" "$unit"; }

# until_true SECONDS COMMAND...
until_true() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.3
	done
}

rows() { ask "SELECT count(*) FROM connection"; }
are_recorded() { [ "$(rows)" -ge "$1" ]; }

# account NAME CONNECTIONS COMMAND...: each of so many connections is recorded once, as it goes out
# and as it comes in, though COMMAND is run meanwhile. A socket has a cookie of its own.
account() {
	local name=$1 made=$2 line netns rows before last storm
	shift 2
	before=$(rows)
	last=$(ask "SELECT ifnull(max(id), 0) FROM connection")
	./storm "$made" > line &
	storm=$!
	sleep 0.5
	"$@" > command.log 2>&1 || { failed "$name" "$*: $(cat command.log)"; wait "$storm"; return; }
	: > during.log
	jobs -r | grep -q storm || [ "$1" = true ] || echo "the load ended before;" > during.log
	wait "$storm"
	line=$(cat line)
	netns=${line#netns=}
	netns=${netns%% *}
	until_true 40 are_recorded $((before + 2 * made))
	sleep 1.5
	rows=$(ask "SELECT count(*) FILTER (WHERE view.direction = 'out'), count(DISTINCT connection.cookie) FILTER
		(WHERE view.direction = 'out'), count(*) FILTER (WHERE view.direction = 'in'),
		count(DISTINCT connection.cookie) FILTER (WHERE view.direction = 'in')
		FROM ended_connections AS view JOIN connection USING (id)
		WHERE id > $last AND view.netns = $netns") # a namespace's number is used again
	if [ "$rows" = "$made|$made|$made|$made" ]; then
		ok "$name" "$made made; rows and sockets, out|in: $rows; $(cat during.log) ${line##* connections=}"
	else
		failed "$name" "$made made; rows and sockets, out|in: $rows; gaps: $(ask 'SELECT reason, count FROM gap' | tr '\n' ' ')"
	fi
}

is_active() { [ "$(property ActiveState)/$(property SubState)" = active/running ]; }
restart_thrice() { for _ in 1 2 3; do systemctl restart "$unit" && sleep 0.5 || return; done; }
kill_it() {
	local pid
	pid=$(property MainPID)
	kill -KILL "$pid" && until_true 30 is_new "$pid"
}
is_new() { is_active && [ "$(property MainPID)" != "$1" ]; }
hang_it() {
	local pid
	pid=$(property MainPID)
	kill -STOP "$pid" && until_true 60 is_new "$pid"
}

# An answer from a name server on lo: connmon.test is 192.0.2.7.
answer() {
	perl -MSocket -e 'socket(S, PF_INET, SOCK_DGRAM, 0); bind(S, sockaddr_in(53, INADDR_LOOPBACK)) or die;
		socket(C, PF_INET, SOCK_DGRAM, 0); bind(C, sockaddr_in(40053, INADDR_LOOPBACK)) or die;
		$n = "\7connmon\4test\0\0\1\0\1";
		send(C, "\x12\x34\1\0\0\1\0\0\0\0\0\0$n", 0, sockaddr_in(53, INADDR_LOOPBACK));
		send(S, "\x12\x34\x81\x80\0\1\0\1\0\0\0\0$n\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\7", 0, sockaddr_in(40053, INADDR_LOOPBACK))'
}
is_named() { ask "SELECT name FROM dns_names" 2>&1 | grep -q connmon.test; }

# ---- the checks ----

ok boot "$(uname -r), systemd $(systemctl --version | sed -n '1s/systemd \([0-9]*\).*/\1/p')"
if dpkg -i first.deb > dpkg.log 2>&1 && until_true 30 is_active; then
	ok install "$(dpkg-query -W -f '${Version}' connmon), user $(ps -o user= -p "$(property MainPID)" 2> /dev/null || stat -c %U "/proc/$(property MainPID)")"
else
	failed install "$(cat dpkg.log; systemctl status --no-pager "$unit")"
fi
systemctl status --no-pager "$unit" | sed 's/^/	/'
check status "$(property StatusText)" grep -q "^recording to .*connections in this run" <(property StatusText)
systemd-analyze security --no-pager --threshold=10 "$unit" > score.log 2>&1
code=$?
check score "$(tail -n 1 score.log)" [ "$code" = 0 ]
privileges=$(grep -E '^(Cap(Prm|Eff|Bnd|Amb)|NoNewPrivs|Seccomp):' "/proc/$(property MainPID)/status" |
	tr -d '\n\t' | sed 's/0\{16\}/0/g')
check privileges "$privileges" grep -qE '^CapPrm:0CapEff:0' <(echo "$privileges")
files=$(stat -c '%n %A %U:%G' /var/lib/connmon /var/lib/connmon/connmon.db | tr '\n' ' ')
check files "$files" [ "$files" = "/var/lib/connmon drwxr-x--- connmon:connmon /var/lib/connmon/connmon.db -rw-r----- connmon:connmon " ]

ip link set lo up
sleep 1
answer
check names "an answer on the node's lo, heard without a network: $(property PrivateNetwork)" until_true 15 is_named

account account.run 1000 true

# The forwarder waits to be told where to; then it sends all there is to a server of this guest.
forward=connmon-forward.service
of_forward() { systemctl show -P "$1" $forward; }
is_sending() { [ "$(of_forward ActiveState)/$(of_forward SubState)" = active/running ]; }
taken() { zcat taken.connections 2> /dev/null | cut -f 3 | sort -u | wc -l; }
has_taken() { [ "$(taken)" -ge "$1" ]; }
# is_up_to ROWS: it runs, will at the next boot, and has sent so many.
is_up_to() { is_sending && [ "$(of_forward UnitFileState)" = enabled ] && has_taken "$1"; }
is_up_to_anew() { is_up_to "$1" && [ "$(of_forward MainPID)" != "$2" ]; }
systemctl start $forward
check forward.waits "$(systemctl is-enabled $forward), $(of_forward ActiveState) without its file" \
	[ "$(systemctl is-enabled $forward)/$(of_forward ActiveState)" = disabled/inactive ]
perl fleet.pl > fleet.log 2>&1 &
mkdir -p /etc/connmon
printf 'CONNMON_FORWARD_TO=http://127.0.0.1:8123/?database=connmon\n' > /etc/connmon/forward.env
chmod 600 /etc/connmon/forward.env
systemctl enable --now $forward > forward.log 2>&1
made=$(rows)
until_true 60 has_taken "$made"
check forward.sends "$(taken) of $made; $(of_forward UnitFileState), $(of_forward ActiveState) $(cat fleet.log)" \
	is_up_to "$made"
journalctl -q --no-pager -n 15 -u $forward -o cat | sed 's/^/	/'
systemd-analyze security --no-pager --threshold=15 $forward > score.log 2>&1
code=$?
pid=$(of_forward MainPID)
privileges=$(grep -E '^(Cap(Prm|Eff|Bnd|Amb)|NoNewPrivs|Seccomp):' "/proc/$pid/status" | tr -d '\n\t' |
	sed 's/0\{16\}/0/g')
check forward.sandbox "$(stat -c %U "/proc/$pid") $privileges; $(tail -n 1 score.log)" \
	[ "$code/$(stat -c %U "/proc/$pid")/$privileges" = "0/connmon-forward/CapPrm:0CapEff:0CapBnd:0CapAmb:0NoNewPrivs:1Seccomp:2" ]
account forward.account 2000 systemctl restart $forward
pid=$(of_forward MainPID)
gaps_before=$(ask "SELECT count(*) FROM gap")
account account.restart 8000 restart_thrice
account account.killed 6000 kill_it
account account.upgrade 8000 dpkg -i newer.deb
gaps_after=$(ask "SELECT count(*) FROM gap")
check gaps "$gaps_before before, $gaps_after after; $(property NFileDescriptorStore) descriptors kept; $(dpkg-query -W -f '${Version}' connmon)" \
	[ "$gaps_before" = "$gaps_after" ]
made=$(rows)
until_true 60 has_taken "$made"
check forward.upgrade "$(taken) of $made taken, $(of_forward UnitFileState), $(of_forward ActiveState), begun anew" \
	is_up_to_anew "$made" "$pid"

# A watchdog of 3 s: one that is idle lives on, one that hangs is replaced, without a loss.
mkdir -p /run/systemd/system/$unit.d
printf '[Service]\nWatchdogSec=3\n' > /run/systemd/system/$unit.d/quick.conf
systemctl daemon-reload
systemctl restart "$unit"
pid=$(property MainPID)
sleep 7
if [ "$(property MainPID)" = "$pid" ]; then
	account account.hung 6000 hang_it
else
	failed account.hung "an idle collector was taken for one that hangs"
fi
rm -r /run/systemd/system/$unit.d
systemctl daemon-reload

useradd -G connmon alice
useradd bob
as_alice=$(runuser -u alice -- connmon-query --quiet --format csv sql 'SELECT count(*) > 100 AS n FROM connections' 2>&1 | tail -n 1)
plain=$(runuser -u alice -- sqlite3 -readonly $db 'SELECT count(*) > 100 FROM connections' 2>&1)
check group "connmon-query says $as_alice, sqlite3 $plain" [ "$as_alice/$plain" = 1/1 ]
as_bob=$(runuser -u bob -- connmon-query --quiet summary 2>&1) && as_bob="he may: $as_bob"
check others "$as_bob" grep -qi "group\|permission\|not allowed\|may not" <(echo "$as_bob")

systemctl stop "$unit"
check stop "$(property NFileDescriptorStore) descriptors kept, $(property Result)" \
	[ "$(property NFileDescriptorStore)/$(property Result)" = 0/success ]
runuser -u alice -- sqlite3 -readonly $db 'SELECT count(*) FROM connections' > stopped.log 2>&1 || failed group "after a stop: $(cat stopped.log)"
stopped=$(ask "SELECT count(*) FROM gap WHERE reason = 'stopped'")
systemctl start "$unit"
sleep 2
again=$(ask "SELECT count(*) FROM gap WHERE reason = 'stopped'")
check gap-of-a-stop "$stopped before, $again after" [ "$again" = $((stopped + 1)) ]

systemctl stop $forward
check forward.stop "$(of_forward Result); $(zcat taken.connections | wc -l) rows, $(taken) different" \
	[ "$(of_forward Result)" = success ]

dpkg -P connmon > purge.log 2>&1 || failed purge "$(cat purge.log)"
left=$(find / -xdev -path /proc -prune -o -path /test -prune -o -path /sys -prune -o -name '*connmon*' -print)
left="$left$(systemctl list-unit-files --no-legend '*connmon*')$(find /sys/fs/bpf -name '*connmon*')"
check purge "left: ${left:-nothing}; the user stays: $(getent passwd connmon)" [ -z "$left" ]
