"""A fleet in small: nodes in network namespaces of their own, each with a collector on the running
kernel, a database and a forwarder; and what they and the servers of clickhouse.sh hold."""
import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request

COLLECT = os.environ["CONNMON_COLLECT"]
FORWARD = os.environ["CONNMON_FORWARD"]
QUERY = os.environ["CONNMON_QUERY"]
STORM = os.environ["CONNMON_STORM"]
FOLDER = os.environ["FLEET_FOLDER"]
SERVER = os.environ["FLEET_CLICKHOUSE"]
BEGUN = time.monotonic()
TIRED_S = 120  # until something is given up


def fail(words, *files):
	print("FAIL: " + words)
	for file in files:
		if os.path.exists(file):
			print("--- " + os.path.basename(file) + "\n" + open(file, errors="replace").read()[-3000:])
	sys.exit(1)


def tell(words):
	print(f"{time.monotonic() - BEGUN:5.1f} s: {words}", flush=True)


def expect(what, want, have, *files):
	if want != have:
		fail(f"{what}: should be {want!r}, is {have!r}", *files)
	tell(f"ok: {what}")


def run(*words):
	subprocess.run(words, check=True)


def wait(what, is_so, *files):
	"""Until is_so() is true, but not for ever."""
	end = time.monotonic() + TIRED_S
	while not is_so():
		if time.monotonic() > end:
			fail(f"{what}: waited in vain", *files)
		time.sleep(0.1)


def server(word, n):
	"""start, stop or kill server n."""
	run(SERVER, word, str(n))


def post(url, sql):
	"""What a server answers, or None when none does."""
	try:
		with urllib.request.urlopen(url, sql.encode(), 30) as answer:
			return answer.read().decode()
	except urllib.error.HTTPError as error:
		fail(f"{sql}: {error.read().decode()}")
	except OSError:
		return None


def ask(sql, n=1):
	"""Rows of text."""
	text = post(f"http://127.0.0.1:{8122 + n}/", sql)
	return None if text is None else [line.split("\t") for line in text.splitlines()]


class Node:
	"""Number i (1 to 9), known by machine_id (None: this machine's own). It reaches the servers as
	10.77.i.1, until its link is cut."""

	def __init__(self, i, machine_id):
		self.i, self.machine_id = i, machine_id
		self.name = f"node{i}"
		self.folder = f"{FOLDER}/{self.name}"
		os.mkdir(self.folder)
		self.db, self.state = self.folder + "/connmon.db", self.folder + "/forward.state"
		self.address = f"10.77.{i}.1"
		self.collected, self.forwarded = self.folder + "/collect.err", self.folder + "/forward.err"
		self.collector = self.forwarder = None
		self.space = subprocess.Popen(["unshare", "-n", "sleep", "600"])
		wait("a namespace", lambda: os.readlink(f"/proc/{self.space.pid}/ns/net") !=
			os.readlink("/proc/self/ns/net"))
		run("ip", "link", "add", self.name, "type", "veth", "peer", "name", "eth0",
			"netns", str(self.space.pid))
		run("ip", "addr", "add", self.address + "/24", "dev", self.name)
		run("ip", "link", "set", self.name, "up")
		self.run("ip", "link", "set", "lo", "up")
		self.run("ip", "addr", "add", f"10.77.{i}.2/24", "dev", "eth0")
		self.run("ip", "link", "set", "eth0", "up")

	def within(self, *words):
		return ["nsenter", "-t", str(self.space.pid), "-n", *words]

	def run(self, *words):
		run(*self.within(*words))

	def cut(self):
		run("ip", "link", "set", self.name, "down")

	def mend(self):
		run("ip", "link", "set", self.name, "up")

	def traffic(self, connections, request=100, reply=300):
		with open(self.folder + "/truth", "a") as truth:
			subprocess.run(self.within(STORM, "--here", str(connections), str(request), str(reply)),
				check=True, stdout=truth)

	def collect(self):
		log = open(self.collected, "a")
		before = os.path.getsize(self.collected)
		self.collector = subprocess.Popen(self.within(COLLECT, "--db", self.db, "--flush", "100ms",
			"--refresh", "1s", *os.environ.get("CONNMON_NODE_OPTIONS", "").split()), stderr=log)
		wait(f"{self.name}: the collector", lambda: "connmon-collect: ready" in
			open(self.collected).read()[before:], self.collected)

	def end_collector(self, how=signal.SIGTERM):
		self.collector.send_signal(how)
		code = self.collector.wait(TIRED_S)
		if how == signal.SIGTERM and code != 0:
			fail(f"{self.name}: the collector ended with {code}", self.collected)
		self.collector = None

	def forward_words(self, port=8123, **more):
		words = [FORWARD, "--db", self.db, "--state", self.state, "--every", "1", "--node-name", self.name,
			"--to", more.get("to", f"http://{self.address}:{port}/?database=connmon")]
		return self.within(*words, *(["--node", self.machine_id] if self.machine_id else []))

	def forward(self, port=8123):
		with open(self.forwarded, "a") as log:
			self.forwarder = subprocess.Popen(self.forward_words(port), stderr=log, stdout=log)

	def end_forwarder(self, how=signal.SIGTERM):
		self.forwarder.send_signal(how)
		code = self.forwarder.wait(TIRED_S)
		self.forwarder = None
		return code

	def rows(self, sql):
		db = sqlite3.connect(f"file:{self.db}?mode=ro", uri=True, timeout=10)
		try:
			return db.execute(sql).fetchall()
		finally:
			db.close()

	def end(self):
		for process in (self.forwarder, self.collector, self.space):
			if process:
				process.kill()
				process.wait()
