#!/usr/bin/env python3
"""Four nodes send to two shards while everything fails: each server is killed, a link is cut, a
collector and the forwarders are killed, state files get lost, and of one node every answer gets
lost once. Afterwards each connection of each node is there exactly once, and the fleet answers as
the node does.

   clickhouse.sh with 2 test_exactly_once.py"""
import collections
import json
import random
import subprocess
import threading
import time

from fleet import *

FLEET_URL = os.environ["FLEET_URL"]

SEED = int(os.environ.get("FLEET_SEED", time.time()))
ROUNDS = int(os.environ.get("FLEET_ROUNDS", 4))
print(f"FLEET_SEED={SEED}")
random.seed(SEED)

nodes = [Node(1, "1" * 32), Node(2, "2" * 32), Node(3, "3" * 32),
	Node(4, None if os.path.exists("/etc/machine-id") else "4" * 32)]
unsure, cut, killed, real = nodes
real.id = real.machine_id or open("/etc/machine-id").read().strip()
for node in nodes[:3]:
	node.id = node.machine_id
kills = 0
WAY_LOG = FOLDER + "/way.log"


def kill_now_and_then(stop):
	"""The forwarder of a node that has no luck at all: three times of four it is killed before it
	gets anywhere, and now and then its state file is lost, too."""
	global kills
	chance = random.Random(SEED + 1)
	while not stop.wait(chance.choice([0.05, 0.2, 0.5, 1.5]) * chance.random() * 2):
		killed.end_forwarder(signal.SIGKILL)
		kills += 1
		if chance.random() < 0.3 and os.path.exists(killed.state):
			os.unlink(killed.state)
		killed.forward()


def resolver(node):
	"""Answers for a name, on the node itself: its collector hears it."""
	process = subprocess.Popen(node.within("dnsmasq", "--no-daemon", "--conf-file=/dev/null",
		"--no-resolv", "--no-hosts", "--bind-interfaces", "--user=root", "--pid-file=",
		"--listen-address=127.0.0.1", "--address=/shop.test/192.0.2.10"),
		stderr=subprocess.DEVNULL)
	look = ("import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(.2)\n"
		"s.sendto(b'\\0\\1\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\4shop\\4test\\0\\0\\1\\0\\1',"
		"('127.0.0.1', 53)); s.recv(512)")
	wait("an answer from DNS", lambda: subprocess.run(node.within("python3", "-c", look),
		stderr=subprocess.DEVNULL).returncode == 0)
	process.terminate()
	process.wait()


def hold_one_open(node):
	"""A connection that stays open, until its process is killed."""
	return subprocess.Popen(node.within("python3", "-c", "import socket, time\n"
		"s = socket.create_server(('127.0.0.1', 5800))\n"
		"c = socket.create_connection(('127.0.0.1', 5800)); a = s.accept(); time.sleep(600)"))


def scene():
	for node in nodes:
		node.collect()
	resolver(unsure)
	lasting = hold_one_open(cut)
	for node in nodes:
		node.forward(9123 if node is unsure else 8123)
	stop = threading.Event()
	killer = threading.Thread(target=kill_now_and_then, args=(stop,))
	killer.start()
	for turn in range(ROUNDS):
		tell(f"turn {turn}")
		if turn == 1:
			cut.cut()
		for node in nodes:
			node.traffic(random.randint(50, 200), random.randint(1, 5000), random.randint(1, 5000))
		victim = 1 + turn % 2
		server("kill", victim)
		if turn == 1:
			unsure.end_collector(signal.SIGKILL)
			unsure.collect()
		for node in nodes:
			node.traffic(random.randint(50, 200))
			if random.random() < 0.5:
				node.end_forwarder(signal.SIGKILL) if node is not killed else None
				node.forward(9123 if node is unsure else 8123) if node is not killed else None
		server("start", victim)
		if turn == 2:
			cut.mend()
		time.sleep(1)
	stop.set()
	killer.join()
	return lasting


def sums_of_node(node):
	return [str(n) for n in node.rows("""SELECT count(*), count(DISTINCT id), sum(tx_bytes),
		sum(rx_bytes), sum(duration_us), sum(retransmits), min(id), max(id)
		FROM ended_connections""")[0]]


def sums_of_fleet(node):
	return ask(f"""SELECT count(), uniqExact(id), sum(tx_bytes), sum(rx_bytes), sum(duration_us),
		sum(retransmits), min(id), max(id) FROM connmon.connections FINAL
		WHERE node_id = '{node.id}'""")[0]


COLUMNS = """id direction outcome error comm exe pid uid container netns local_addr local_port
	peer_addr peer_port connect_us duration_us tx_bytes rx_bytes retransmits srtt_us min_rtt_us
	owner_source closed_by accept_wait_us thread cookie""".split()


def rows_of_node(node):
	return [["\\N" if cell is None else str(cell) for cell in row] for row in
		node.rows(f"SELECT {', '.join(COLUMNS)} FROM ended_connections ORDER BY id")]


def rows_of_fleet(node):
	return ask(f"SELECT {', '.join(COLUMNS)} FROM connmon.connections FINAL"
		f" WHERE node_id = '{node.id}' ORDER BY id")


def compare_connections():
	for node in nodes:
		wait(f"{node.name}: the last rows", lambda: sums_of_fleet(node)[0] == sums_of_node(node)[0],
			node.forwarded)
		expect(f"{node.name}: rows, ids, sums", sums_of_node(node), sums_of_fleet(node))
		expect(f"{node.name}: every column of every row", rows_of_node(node), rows_of_fleet(node))
		shards = [ask(f"SELECT count() FROM connmon.connections_local WHERE node_id = '{node.id}'",
			n)[0][0] for n in (1, 2)]
		expect(f"{node.name}: is in one shard", 1, shards.count("0"))


OPEN = """WHERE (local_port = 5800 OR peer_port = 5800)"""
# What: here, there.
FACTS = {
	"open connections": (f"SELECT local_port, peer_port, direction FROM connections {OPEN}"
		" AND ended_at IS NULL ORDER BY local_port",
		f"SELECT local_port, peer_port, direction FROM connmon.open_connections FINAL {OPEN}"
		" AND is_over = 0 AND node_id = '{}' ORDER BY local_port"),
	"names": ("SELECT address, name, server FROM dns_name ORDER BY address, name",
		"SELECT address, name, server FROM connmon.names FINAL WHERE node_id = '{}'"
		" ORDER BY address, name"),
	"gaps": ("SELECT id, from_us, to_us, reason, count FROM gap ORDER BY id",
		"SELECT id, from_us, to_us, reason, count FROM connmon.gaps FINAL"
		" WHERE node_id = '{}' ORDER BY id"),
	"runs": ("SELECT id, boot_id, start_us, stop_us, seen, recorded, lost FROM run ORDER BY id",
		"SELECT id, boot_id, start_us, stop_us, seen, recorded, lost FROM connmon.runs FINAL"
		" WHERE node_id = '{}' ORDER BY id"),
}


def compare_facts(*whats):
	for node in nodes:
		for what in whats:
			here, there = FACTS[what]
			rows = lambda: [["\\N" if cell is None else str(cell) for cell in row]
				for row in node.rows(here)]
			wait(f"{node.name}: {what} {rows()}", lambda: ask(there.format(node.id)) == rows(),
				node.forwarded)
			tell(f"ok: {node.name}: {what} ({len(rows())})")
			if not rows() and what not in ("gaps", "names"):
				fail(f"{node.name} has no {what}")
	expect("names that the resolver's node heard", 1, len(unsure.rows(
		"SELECT 1 FROM dns_name WHERE name = 'shop.test'")))
	expect("runs of the node whose collector was killed", 2, len(unsure.rows("SELECT 1 FROM run")))


def report_words(node, since, until):
	# Not the forwarders' own, some of which are open, and count on while we ask.
	window = ["--since", f"@{since}", "--until", f"@{until}", "--comm", "storm*",
		"--format", "json", "--quiet"]
	return [[report, *window] for report in
		("summary", "top-destinations", "top-processes", "failures", "timeline")]


def answer(*words):
	done = subprocess.run([QUERY, *words], capture_output=True, text=True, timeout=TIRED_S)
	if done.returncode not in (0, 1):
		fail(f"{' '.join(words)}: {done.stderr}")
	if not done.stdout:
		fail(f"{' '.join(words)}: exit {done.returncode}: {done.stderr}")
	return [{name: cell for name, cell in row.items() if name != "node"}
		for row in json.loads(done.stdout)]


def compare_reports(since, until):
	for node in nodes:
		for words in report_words(node, since, until):
			here = answer("--db", node.db, *words)
			if not here and words[0] != "failures":
				fail(f"{words[0]} of {node.name} has no rows")
			expect(f"{node.name}: {words[0]}, {len(here)} rows, is the fleet's", here,
				answer("--fleet", f"{FLEET_URL}?database=connmon", *words, "--node", node.id))


def account():
	"""What went over the unsure way: everything twice at least, in the same bytes."""
	lines = [line.split() for line in open(WAY_LOG)]
	times = collections.Counter(digest for _, digest, *_ in lines)
	rows = {digest: int(rows) for _, digest, _, rows in lines}
	print(f"account: {unsure.name} sent {len(times)} batches of {sum(rows.values())} rows, resent "
		f"{len(lines) - len(times)}; forwarders were killed {kills} times; {SEED=}")
	for node in nodes:
		stored = sum(int(ask(f"SELECT count() FROM connmon.connections_local WHERE node_id = "
			f"'{node.id}'", n)[0][0]) for n in (1, 2))
		print(f"account: {node.name}: rows here {sums_of_node(node)[0]}, stored and not yet merged "
			f"{stored}, distinct {sums_of_fleet(node)[1]}")
	if len(lines) < 5:
		fail("the way was hardly used", WAY_LOG)
	expect("batches that were sent in the same bytes once only", 0,
		sum(1 for n in times.values() if n == 1))


def main():
	for n in (1, 2):
		run(FORWARD, "--init", "--to", f"http://127.0.0.1:{8122 + n}/?database=connmon",
			"--cluster", "connmon")
	way = subprocess.Popen([os.path.dirname(__file__) + "/twice.py", "9123", "8123", WAY_LOG])
	lasting = None
	since = int(time.time()) - 1
	try:
		lasting = scene()
		compare_facts("open connections", "names")
		for node in nodes:
			node.end_collector()
		until = int(time.time()) + 1
		compare_connections()
		compare_facts("gaps", "runs")
		compare_reports(since, until)
		for node in nodes:
			expect(f"{node.name}: the forwarder ends well", 0, node.end_forwarder(), node.forwarded)
		account()
	finally:
		for node in nodes:
			node.end()
		way.kill()
		if lasting:
			lasting.kill()


main()
