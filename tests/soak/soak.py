#!/usr/bin/env python3
"""An hour in the life of a collector under load, as ./dev soak runs it.

   soak.py BUILD_FOLDER [MINUTES [FOLDER]]     (60 minutes, in a temporary folder)

In a network namespace and with a bpffs of its own, a collector records to a database at its cap
(--max-size), while 5,000 connections a second are made on both ends, ten readers take turns, and
the collector is ended by SIGTERM and by SIGKILL in turn and started again, five times in all.
Each minute a line; at the end a summary of what held. Exit code 0: all of it, 1: not, 2: it
cannot be run. Ctrl-C ends it early, with the summary. Nothing is left behind, but in FOLDER."""
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True

from collector import Collector
from history import History
from readers import Readers

RATE = 5000  # connections a second, each seen from both ends
MAX_SIZE = 512 << 20
RING = "64M"  # what waits while the collector is away
RESTARTS = 5  # so often in the time given
LOOK_S = 3
MOST_GROWTH = 8 << 20  # of one run, from a third of its life on
MOST_LINES = 2  # of the log in 30 s, of each kind
MIB = 1 << 20


class Interrupted(Exception):
	pass


def interrupt(number, frame):
	raise Interrupted


class Load:
	def __init__(self, program, folder):
		self.path = folder + "/load"
		with open(self.path, "wb") as out:
			self.process = subprocess.Popen(
				[program, str(RATE)], stdin=subprocess.DEVNULL, stdout=out,
				start_new_session=True,
			)

	def made(self):
		"""So far: connections, and attempts that were refused."""
		with open(self.path) as out:
			lines = re.findall(r"^made=(\d+) refused=(\d+)$", out.read(), re.M)
		return tuple(int(n) for n in lines[-1]) if lines else (0, 0)

	def check(self):
		if self.process.poll() is not None:
			raise RuntimeError(f"the load ended with {self.process.returncode}")

	def end(self):
		self.process.terminate()
		if self.process.wait(60) != 0:
			raise RuntimeError("the load did not end well")

	def clean(self):
		"""Its actors die with it."""
		if self.process.poll() is None:
			self.process.kill()
			self.process.wait()


STARTING = r"no user connmon|: ready|: --pin |: recorded N"


def kinds_of_lines(said, leave_out="^$"):
	"""How many there are, by what is left without their digits."""
	kinds = {}
	for line in said.decode(errors="replace").splitlines():
		line = re.sub(r"\d+", "N", line)
		if not re.search(leave_out, line):
			kinds[line] = kinds.get(line, 0) + 1
	return kinds


class Log:
	"""How much the collector says: the most lines of a kind in 30 s, but when it starts."""

	def __init__(self, collector):
		self.collector, self.most = collector, 0
		self.begin_s, self.at = time.monotonic(), 0

	def look(self):
		if time.monotonic() >= self.begin_s + 30:
			said = self.collector.said(self.at)
			for n in kinds_of_lines(said, leave_out=STARTING).values():
				self.most = max(self.most, n)
			self.begin_s, self.at = time.monotonic(), self.at + len(said)


class Soak:
	def __init__(self, build, minutes, folder):
		self.build, self.seconds, self.folder = build, minutes * 60, folder
		self.most_bytes = self.most_rss = self.most_lag_us = 0
		self.troubles = []  # accounts that did not hold
		self.deleted = 0
		options = ("--pin", folder + "/bpf/connmon", "--max-size", str(MAX_SIZE), "--ring", RING)
		self.collector = Collector(build + "/collector/connmon-collect", folder + "/db", options)
		self.load = self.readers = None

	# ---- looking ----

	def look(self, ended=False):
		self.history.look(ended)
		wrong = self.history.wrong()
		if wrong:
			self.troubles.append(wrong)
		self.most_lag_us = max(self.most_lag_us, time.time_ns() // 1000 - self.history.last)

	def measure(self):
		self.load.check()
		self.most_rss = max(self.most_rss, self.collector.memory()[0])
		self.most_bytes = max(self.most_bytes, sum(self.collector.sizes()))

	def tell(self):
		"""The line of each minute."""
		history, account = self.history, self.history.account
		rows = history.rows_now()
		self.deleted = history.counted["rows"] - rows
		rss, anon = self.collector.memory()
		db, wal, shm, aside = (bytes_ / MIB for bytes_ in self.collector.sizes())
		peak = self.collector.cgroup.peak()
		commits, mean_s, bound = self.collector.commits()
		lost = {reason: n for reason, n in history.lost_by_reason().items() if n}
		readers = self.readers
		print(
			f"{time.strftime('%H:%M:%S')} {(time.monotonic() - self.begin_s) / 60:.0f} min:"
			f" made {self.load.made()[0]}, seen {account['seen']},"
			f" recorded {account['recorded']}, lost {account['lost']} {lost or ''},"
			f" filtered {account['filtered']}, on their way {account['in_flight']}, rows {rows},"
			f" pruned {self.deleted};"
			f" RSS {rss / MIB:.0f} MiB (own {anon / MIB:.1f})"
			+ (f", memory.peak {peak / MIB:.0f}" if peak else "")
			+ f"; db {db:.0f}, wal {wal:.0f}, shm {shm:.1f}, aside {aside:.0f} MiB;"
			f" {commits} commits, {mean_s * 1000:.0f} ms, all <= {bound} s;"
			f" readers {sum(readers.asked.values())}, failed {len(readers.failures)}"
			f"{readers.failures[-1:] or ''};"
			f" account {'holds' if not self.troubles else 'DOES NOT HOLD: ' + self.troubles[-1]}",
			flush=True,
		)

	# ---- the run ----

	def restart(self, n):
		number = (signal.SIGTERM, signal.SIGKILL)[n % 2]
		self.collector.end(number)
		self.collector.start()
		print(
			f"{time.strftime('%H:%M:%S')} ended by {number.name}, ready again after"
			f" {self.collector.starts_s[-1]:.1f} s", flush=True,
		)

	def go_on(self):
		next_minute_s, next_look_s, restarts = 60, LOOK_S, 0
		log = self.log
		while (now_s := time.monotonic() - self.begin_s) < self.seconds:
			self.measure()
			log.look()
			if now_s >= next_look_s:
				self.look()
				next_look_s = now_s + LOOK_S
			if now_s >= next_minute_s:
				self.tell()
				next_minute_s += 60
			if now_s >= self.seconds * (restarts + 1) / (RESTARTS + 1):
				self.restart(restarts)
				restarts += 1
			time.sleep(1)

	def run(self):
		netns = os.stat("/proc/self/ns/net").st_ino
		self.collector.start()
		self.history = History(self.collector.db, netns)
		self.log = Log(self.collector)
		self.begin_s = time.monotonic()
		self.load = Load(self.build + "/tests/soak/soak_load", self.folder)
		self.readers = Readers(self.build + "/query/connmon-query", self.collector.db)
		try:
			self.go_on()
		except Interrupted:
			print("soak: ended early", flush=True)
		self.ran_s = time.monotonic() - self.begin_s
		signal.signal(signal.SIGINT, signal.SIG_IGN)
		self.readers.stop()
		self.load.end()
		self.settle()
		self.tell()
		self.collector.end(signal.SIGTERM)
		self.look(ended=True)

	def settle(self):
		"""Until nothing of ours is missing, or nothing has come for a while."""
		for _ in range(20):
			time.sleep(1)
			before = self.history.last
			self.look()
			if self.history.last - before == 0:
				return

	def clean(self):
		if self.readers:
			self.readers.stop()
		if self.load:
			self.load.clean()
		self.collector.clean()

	# ---- the summary ----

	def checks(self):
		"""(what, whether it holds, figures)"""
		history = self.history
		counted, account = history.counted, history.account
		connections, refused = self.load.made()
		outs, ins = connections + refused, connections
		missing = outs + ins - counted["outs"] - counted["ins"]
		lost = history.lost_by_reason()
		yield (
			"account", not self.troubles and history.wrong() is None,
			f"{account['seen']} seen = {account['recorded']} recorded + {account['lost']} lost"
			f" + {account['filtered']} filtered; {'; '.join(self.troubles[:3]) or 'at each look'}",
		)
		yield (
			"each made is a row", 0 <= missing <= account["lost"] + counted["unseen"],
			f"{connections} connections and {refused} refused in {self.ran_s:.0f} s"
			f" ({connections / self.ran_s:.0f}/s); rows out {counted['outs']}, in"
			f" {counted['ins']}, missing {missing}; lost {lost or 'nothing'}",
		)
		yield (
			"each once", counted["outs"] == counted["out_sockets"]
			and counted["ins"] == counted["in_sockets"],
			f"sockets out {counted['out_sockets']}, in {counted['in_sockets']}",
		)
		yield (
			"no gap by a restart", "stopped" not in history.gaps,
			f"{len(self.collector.ages) - 1} restarts, the slowest start"
			f" {max(self.collector.starts_s):.1f} s; gaps (how many, of what) {history.gaps}",
		)
		yield (
			"retention at its cap", self.deleted > 0 or self.ran_s < 900,
			f"{self.deleted} rows deleted, {len(history.aside)} files set aside",
		)
		yield (
			"size", self.most_bytes <= MAX_SIZE,
			f"at most {self.most_bytes / MIB:.1f} of {MAX_SIZE / MIB:.0f} MiB, looked at each second",
		)
		yield (
			"memory", self.collector.growth() <= MOST_GROWTH,
			f"RSS at most {self.most_rss / MIB:.1f} MiB with a ring of {RING}; own memory grew by"
			f" at most {self.collector.growth() / MIB:.1f} MiB in a run",
		)
		yield ("log", self.log.most <= MOST_LINES, f"at most {self.log.most} lines of a kind in 30 s")
		yield (
			"readers", not self.readers.failures and sum(self.readers.asked.values()) > 0,
			f"{self.readers.asked}; {self.readers.failures[:3] or 'none failed'}",
		)
		yield ("integrity", *self.integrity())

	def integrity(self):
		db = sqlite3.connect(f"file:{self.collector.db}?mode=ro", uri=True)
		said = [row[0] for row in db.execute("PRAGMA integrity_check(3)")]
		left = db.execute(
			"SELECT count(*) FROM open_connection WHERE netns = ?", (self.history.netns,)
		).fetchone()[0]
		db.close()
		return said == ["ok"] and left == 0, f"{said}, {left} of ours left open"

	def summary(self):
		print("\nsoak: what the collector said, digits as N:", flush=True)
		kinds = kinds_of_lines(self.collector.said())
		for line, n in sorted(kinds.items(), key=lambda kind: -kind[1])[:20]:
			print(f"\t{n} x {line}")
		held = True
		for what, holds, figures in self.checks():
			print(f"soak: {what}: {'holds' if holds else 'DOES NOT HOLD'}: {figures}")
			held = held and holds
		print(
			f"soak: a row was at most {self.most_lag_us / 1e6:.1f} s old when the next one came;"
			f" {'all holds' if held else 'NOT ALL HOLDS'}", flush=True,
		)
		return held


def private_place():
	"""A network and mounts of our own."""
	if os.environ.get("CONNMON_SOAK_PLACE") != str(os.getpid()):
		os.environ["CONNMON_SOAK_PLACE"] = str(os.getpid())
		os.execvp("unshare", ["unshare", "--net", "--mount", sys.executable, *sys.argv])
	subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def main():
	if not 2 <= len(sys.argv) <= 4 or os.geteuid() != 0:
		print("usage, as root: soak.py BUILD_FOLDER [MINUTES [FOLDER]]", file=sys.stderr)
		return 2
	private_place()
	build = os.path.abspath(sys.argv[1])
	minutes = float(sys.argv[2]) if len(sys.argv) > 2 else 60
	given = sys.argv[3] if len(sys.argv) > 3 else None
	folder = os.path.abspath(given) if given else tempfile.mkdtemp(prefix="connmon-soak-")
	if os.path.exists(folder + "/db"):
		print(f"soak: {folder}/db is there already: name another folder", file=sys.stderr)
		return 2
	for part in ("/bpf", "/db"):
		os.makedirs(folder + part)
	subprocess.run(["mount", "-t", "bpf", "bpf", folder + "/bpf"], check=True)
	for number in (signal.SIGINT, signal.SIGTERM):
		signal.signal(number, interrupt)
	soak = Soak(build, minutes, folder)
	try:
		soak.run()
		return 0 if soak.summary() else 1
	except (RuntimeError, Interrupted, OSError, sqlite3.Error) as error:
		print(f"soak: {error!r}\n{soak.collector.said()[-2000:].decode(errors='replace')}")
		return 1
	finally:
		soak.clean()
		subprocess.run(["umount", folder + "/bpf"], check=False)
		os.rmdir(folder + "/bpf")
		if not given:
			shutil.rmtree(folder)


if __name__ == "__main__":
	sys.exit(main())
