"""Ten readers that take turns with the collector's database: some ask and go, one asks for more than
it has time for, one follows, some keep a read transaction open for a while, one is stopped in the
middle of a question.

How long a question takes is the machine's affair. That it ends, with an answer or with the words on
its time limit soon after that, is the program's."""
import os
import random
import signal
import sqlite3
import subprocess
import threading
import time

REPORTS = (
	("summary", "--since", "2m"),
	("top-destinations", "--since", "2m"),
	("top-processes", "--since", "2m"),
	("list", "--limit", "1000"),
	("failures", "--since", "2m"),
	("timeline", "--since", "2m"),
	("gaps", "--since", "1d"),
	("open",),
	("map", "--since", "1m"),
	("top-destinations", "--since", "1m", "--direction", "out", "--by", "service_port"),
	("sql", "SELECT count(*) FROM hourly_totals"),
)
RECENT = "SELECT sum(tx_bytes) FROM connections WHERE id > %d"  # us since the epoch
ENDLESS = "SELECT count(*) FROM connections AS a, connections AS b"
LIMIT_S = 60  # of connmon-query, when it is not told another
LATE_S = 30  # a busy machine may let it wait so long until it can say so
BETWEEN_FILES = (b"no such file; start", b"holds no history yet")


class Readers:
	"""Threads that each start one program after the other, until stop()."""

	def __init__(self, query, db):
		self.query, self.db = query, db
		self.asked = dict.fromkeys(
			("report", "follow", "hold", "stopped", "hurried", "timed out", "between files"), 0
		)
		self.failures = []
		self.slowest_s = 0
		self.ended = threading.Event()
		self.running = set()
		self.lock = threading.Lock()
		kinds = [self.report] * 5 + [self.hurried, self.follow] + [self.hold] * 2 + [self.stopped]
		self.threads = [threading.Thread(target=self.turns, args=(kind,)) for kind in kinds]
		for thread in self.threads:
			thread.start()

	def stop(self):
		self.ended.set()
		with self.lock:
			for process in self.running:
				process.send_signal(signal.SIGCONT)
				process.kill()
		for thread in self.threads:
			thread.join()

	def turns(self, kind):
		try:
			while not self.ended.wait(random.uniform(4, 15)):
				kind()
		except Exception as error:  # or it would be gone, and nobody knew
			self.failures.append(f"the reader {kind.__name__} died: {error!r}")

	# ---- a program ----

	def inode(self):
		try:
			return os.stat(self.db).st_ino
		except FileNotFoundError:
			return None

	def start(self, *arguments):
		with self.lock:
			if self.ended.is_set():
				return None
			process = subprocess.Popen(
				[self.query, "--db", self.db, "--quiet", *arguments],
				stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
			)
			process.begin_s, process.inode = time.monotonic(), self.inode()
			self.running.add(process)
			return process

	def finish(self, process, kind, fine=(0,), limit_s=LIMIT_S, away_s=0):
		"""@away_s: so long it was stopped, or has followed before it was to end."""
		most_s = limit_s + LATE_S
		try:
			said = process.communicate(timeout=most_s)[1]
		except subprocess.TimeoutExpired:
			process.kill()
			process.communicate()
			said = None
		took_s = time.monotonic() - process.begin_s - away_s
		with self.lock:
			self.running.discard(process)
			if self.ended.is_set():
				return
			self.asked[kind] += 1
			if said is None:
				wrong = f"did not end within {most_s} s, and its time limit is {limit_s} s"
			else:
				self.slowest_s = max(self.slowest_s, took_s)
				wrong = self.wrong(process, said, fine, limit_s, took_s + away_s)
			if wrong:
				self.failures.append(f"{' '.join(process.args[4:])}: {wrong}")

	def wrong(self, process, said, fine, limit_s, took_s):
		"""What a program should not have done, in words; None when all is well."""
		code = process.returncode
		words = f"stopped after {limit_s} s; narrow the window, or raise --timeout".encode()
		if words in said:
			self.asked["timed out"] += 1
			if code != 1 or took_s < limit_s - 0.1:
				return f"exit code {code} after {took_s:.1f} s: {said.decode()}"
			return None
		if code == 1 and any(each in said for each in BETWEEN_FILES) and process.inode != self.inode():
			self.asked["between files"] += 1
			return None
		return None if code in fine else f"exit code {code}: {said[-300:].decode(errors='replace')}"

	# ---- the kinds ----

	def report(self):
		process = self.start(*random.choice(REPORTS))
		if process:
			self.finish(process, "report")

	def hurried(self):
		"""Its time limit comes before the answer."""
		process = self.start("sql", ENDLESS, "--timeout", "1s")
		if process:
			self.finish(process, "hurried", fine=(), limit_s=1)
			self.ended.wait(20)

	def follow(self):
		"""What failed, for a minute."""
		process = self.start("follow", "--failed")
		if process:
			self.ended.wait(60)
			process.send_signal(signal.SIGINT)
			self.finish(process, "follow", (0, 130, -signal.SIGINT), away_s=60)

	def stopped(self):
		"""Stopped by ^Z, say, wherever it is; with what it holds."""
		process = self.start("sql", RECENT % (time.time_ns() // 1000 - 60_000_000))
		if process:
			time.sleep(random.uniform(0.02, 0.3))
			process.send_signal(signal.SIGSTOP)
			away_s = random.uniform(1, 8)
			self.ended.wait(away_s)
			process.send_signal(signal.SIGCONT)
			self.finish(process, "stopped", away_s=away_s)
			self.ended.wait(20)

	def hold(self):
		"""Somebody with a library of SQLite, who forgot a transaction for a while."""
		inode = self.inode()
		try:
			db = sqlite3.connect(f"file:{self.db}?mode=ro", uri=True, timeout=10)
			db.isolation_level = None
			db.execute("BEGIN")
			before = db.execute("SELECT max(id), count(*) FROM run").fetchone()
			self.ended.wait(random.uniform(1, 8))
			after = db.execute("SELECT max(id), count(*) FROM run").fetchone()
			db.close()
			if before != after:
				self.failures.append(f"a snapshot moved: {before}, {after}")
			self.asked["hold"] += 1
		except sqlite3.Error as error:
			if inode == self.inode():
				self.failures.append(f"a transaction: {error}")
			else:
				self.asked["between files"] += 1
		self.ended.wait(random.uniform(5, 30))
