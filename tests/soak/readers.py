"""Ten readers that take turns with the collector's database: some ask and go, one follows, some
keep a read transaction open for a while, one is stopped in the middle of a question."""
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


class Readers:
	"""Threads that each start one program after the other, until stop()."""

	def __init__(self, query, db):
		self.query, self.db = query, db
		self.asked = {"report": 0, "follow": 0, "hold": 0, "stopped": 0, "timed out": 0}
		self.failures = []
		self.ended = threading.Event()
		self.running = set()
		self.lock = threading.Lock()
		kinds = [self.report] * 6 + [self.follow] + [self.hold] * 2 + [self.stopped]
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
		while not self.ended.wait(random.uniform(4, 15)):
			kind()

	def start(self, arguments):
		with self.lock:
			if self.ended.is_set():
				return None
			process = subprocess.Popen(
				[self.query, "--db", self.db, "--quiet", *arguments],
				stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
			)
			self.running.add(process)
			return process

	def finish(self, process, kind, fine=(0,)):
		said = process.communicate()[1]
		with self.lock:
			self.running.discard(process)
			if self.ended.is_set():
				return
			self.asked[kind] += 1
			if b"raise --timeout" in said:  # as it should, on a busy machine
				self.asked["timed out"] += 1
			elif process.returncode not in fine:
				what = " ".join(process.args[4:])
				self.failures.append(f"{what}: {process.returncode}: {said[-300:].decode()}")

	def report(self):
		process = self.start(random.choice(REPORTS))
		if process:
			self.finish(process, "report")

	def follow(self):
		"""What failed, for a minute."""
		process = self.start(("follow", "--failed"))
		if process:
			self.ended.wait(60)
			process.send_signal(signal.SIGINT)
			self.finish(process, "follow", (0, 130, -signal.SIGINT))

	def stopped(self):
		"""Stopped by ^Z, say, wherever it is; with what it holds."""
		process = self.start(("sql", RECENT % (time.time_ns() // 1000 - 60_000_000)))
		if process:
			time.sleep(random.uniform(0.02, 0.3))
			process.send_signal(signal.SIGSTOP)
			self.ended.wait(random.uniform(1, 8))
			process.send_signal(signal.SIGCONT)
			self.finish(process, "stopped")
			self.ended.wait(20)

	def hold(self):
		"""Somebody with a library of SQLite, who forgot a transaction for a while."""
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
			self.failures.append(f"a transaction: {error}")
		self.ended.wait(random.uniform(5, 30))
