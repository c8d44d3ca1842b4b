#!/usr/bin/env python3
"""Two replicas of one shard, with a real ZooKeeper: one of them is killed while nodes send, then the
other in the middle of a batch, then ZooKeeper; afterwards both have every row of every node once.

   FLEET_ZOOKEEPER=2181 FLEET_REPLICAS=1 clickhouse.sh with 2 test_replicas.py"""
import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request

FORWARD, QUERY = os.environ["CONNMON_FORWARD"], os.environ["CONNMON_QUERY"]
TRAFFIC = os.environ["CONNMON_TRAFFIC"]
FOLDER, SERVER = os.environ["FLEET_FOLDER"], os.environ["FLEET_CLICKHOUSE"]
ZOOKEEPER = int(os.environ["FLEET_ZOOKEEPER"])
BEGUN = time.monotonic()
TIRED_S = 180
ROWS = 30000
TABLES = ("connections", "open_connections", "hourly", "gaps", "runs", "listeners", "processes", "names",
	"nodes")
SUMS = "count(), uniqExact(id), sum(tx_bytes), sum(rx_bytes), max(id)"
SUMS_HERE = "count(*), count(DISTINCT id), sum(tx_bytes), sum(rx_bytes), max(id)"


def tell(words):
	print(f"{time.monotonic() - BEGUN:5.1f} s: {words}", flush=True)


def wait(what, is_so):
	end = time.monotonic() + TIRED_S
	while not is_so():
		if time.monotonic() > end:
			sys.exit(f"FAIL: {what}: waited in vain")
		time.sleep(0.1)


def server(word, n):
	subprocess.run([SERVER, word, str(n)], check=True)
	tell(f"server {n}: {word}")


def url(n):
	return f"http://127.0.0.1:{8122 + n}/?database=connmon"


def ask(n, sql):
	"""What replica n answers; None when it is away or has no ZooKeeper yet."""
	try:
		with urllib.request.urlopen(url(n), sql.encode(), 30) as answer:
			return answer.read().decode().rstrip("\n").split("\t")
	except OSError:
		return None


def stored(n, node):
	return ask(n, f"SELECT {SUMS} FROM connections_local FINAL WHERE node_id = '{node}'")


class ZooKeeper:
	def __init__(self):
		self.log = open(FOLDER + "/zookeeper.log", "a")
		self.process = subprocess.Popen([os.path.dirname(os.path.abspath(__file__)) + "/zookeeper.sh", "run",
			str(ZOOKEEPER), FOLDER + "/zookeeper"], stdout=self.log, stderr=self.log)
		wait("ZooKeeper", self.listens)
		tell("ZooKeeper listens")

	def listens(self):
		if self.process.poll() is not None:
			sys.exit(open(self.log.name).read()[-2000:])
		with socket.socket() as s:
			return s.connect_ex(("127.0.0.1", ZOOKEEPER)) == 0

	def end(self):
		self.process.kill()
		self.process.wait()


class Node:
	def __init__(self, i):
		self.id, self.db = str(i) * 32, f"{FOLDER}/{i}.db"
		subprocess.run([TRAFFIC, "--db", self.db, "--rows", str(ROWS), "--seed", str(i), "--span", "3h"],
			check=True, stderr=subprocess.DEVNULL)
		self.sums = [str(cell) for cell in sqlite3.connect(self.db).execute(
			f"SELECT {SUMS_HERE} FROM ended_connections").fetchone()]
		self.log = f"{FOLDER}/{i}.log"

	def words(self, n):
		return [FORWARD, "--db", self.db, "--node", self.id, "--node-name", "n" + self.id[0], "--batch", "2000",
			"--every", "1", "--state", f"{FOLDER}/{self.id[0]}.state", "--to", url(n)]

	def forward_all(self, n):
		subprocess.run(self.words(n) + ["--once"], check=True)

	def forward(self, n):
		with open(self.log, "a") as log:
			self.process = subprocess.Popen(self.words(n), stdout=log, stderr=log)

	def wait_for_some(self, n, parts=3):
		"""Until a part of its rows is on replica n, but not all."""
		wait("a part of the rows", lambda: int((stored(n, self.id) or "0")[0]) > ROWS // parts)
		have = int(stored(n, self.id)[0])
		tell(f"{have} of {ROWS} rows are there")
		if have >= ROWS:
			sys.exit("FAIL: too late, all rows are there")

	def end(self):
		self.process.terminate()
		self.process.wait(TIRED_S)


def expect_both(node, *replicas):
	for n in replicas or (1, 2):
		wait(f"node {node.id[0]} on replica {n}, should be {node.sums}, is {stored(n, node.id)}",
			lambda: stored(n, node.id) == node.sums)
		plain = ask(n, f"SELECT count() FROM connections_local WHERE node_id = '{node.id}'")[0]
		tell(f"ok: node {node.id[0]}, replica {n}: {node.sums[0]} rows once; stored, not merged: {plain}")


def one_is_killed(node):
	node.forward(1)
	node.wait_for_some(1)
	server("kill", 2)
	expect_both(node, 1)
	node.end()
	server("start", 2)
	expect_both(node)


def the_other_is_killed_in_a_batch(node):
	"""Who sends goes on with the second one, by the same state file."""
	node.forward(1)
	node.wait_for_some(1)
	server("kill", 1)
	time.sleep(2)
	node.end()
	node.forward_all(2)
	expect_both(node, 2)
	server("start", 1)
	expect_both(node)


def zookeeper_is_killed(node, zookeeper):
	node.forward(2)
	node.wait_for_some(2)
	zookeeper.end()
	tell("ZooKeeper is killed")
	wait("what the forwarder says", lambda: "its ZooKeeper does not answer; trying again" in
		open(node.log).read())
	tell(open(node.log).read().splitlines()[-1][:200])
	zookeeper = ZooKeeper()
	expect_both(node)
	node.end()
	return zookeeper


def same_everywhere():
	for table in TABLES:
		columns = ask(1, f"SELECT arrayStringConcat(groupArray(concat('toString(', name, ')')), ',')"
			f" FROM system.columns WHERE database = 'connmon' AND table = '{table}_local'"
			" AND default_kind = ''")[0]
		sums = [None, None]

		def equal():
			for n in (0, 1):
				sums[n] = ask(n + 1, f"SELECT count(), sum(cityHash64({columns.replace(chr(92), '')}))"
					f" FROM {table}_local FINAL")
			return sums[0] == sums[1] is not None

		wait(f"{table} on both, {sums}", equal)
		tell(f"ok: {table}: {sums[0][0]} rows on both, the same")


def reports(nodes):
	for node in nodes:
		for report in ("summary", "top-destinations", "failures"):
			words = [QUERY, report, "--since", "@1769800000", "--format", "json", "--quiet"]
			here = subprocess.run(words + ["--db", node.db], capture_output=True, check=True).stdout
			for n in (1, 2):
				there = subprocess.run(words + ["--fleet", url(n), "--node", node.id], capture_output=True,
					check=True).stdout
				without = [{k: v for k, v in row.items() if k != "node"} for row in json.loads(there)]
				assert without == json.loads(here) and here.strip() != b"[]", (report, n, here, there)
	tell("ok: reports of each node, asked of both replicas, are those of its file")


def main():
	zookeeper = ZooKeeper()
	nodes = [Node(i) for i in (1, 2, 3, 4)]
	try:
		for n in (1, 2):
			wait(f"server {n} meets ZooKeeper",
				lambda n=n: ask(n, "SELECT count() FROM system.zookeeper WHERE path = '/'"))
			subprocess.run([FORWARD, "--init", "--to", url(n), "--cluster", "connmon", "--replicated"], check=True)
		nodes[0].forward_all(1)
		expect_both(nodes[0])
		one_is_killed(nodes[1])
		the_other_is_killed_in_a_batch(nodes[2])
		zookeeper = zookeeper_is_killed(nodes[3], zookeeper)
		for node in nodes:
			expect_both(node)
		same_everywhere()
		reports(nodes)
	finally:
		zookeeper.end()
		for node in nodes:
			if getattr(node, "process", None):
				node.process.kill()


main()
