#!/usr/bin/env python3
"""An hour in the life of a collector under load, as ./dev soak runs it.

   soak.py BUILD_FOLDER [MINUTES [FOLDER]]     (60 minutes, in a temporary folder)

In a network namespace and with a bpffs of its own, a collector records to a database at its cap
(--max-size), while 5,000 connections a second are made on both ends, ten readers take turns, and
the collector is ended by SIGTERM and by SIGKILL in turn and started again, five times in all.
Each minute a row of a table; at the end a summary of what held. Exit code 0: all of it, 1: not, 2:
it cannot be run, 3: all of it, but the machine could not make so many connections. Ctrl-C ends it
early, with the summary. Nothing is left behind, but in FOLDER. SOAK_MAX_SIZE in the environment:
bytes of the cap (512 MiB), so that a short run meets it, too."""
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
from log import Log
from readers import Readers

RATE = 5000  # connections a second, each seen from both ends
ENOUGH = 0.9  # of them; with less this says nothing of a collector under load
MAX_SIZE = int(os.environ.get("SOAK_MAX_SIZE", 512 << 20))
FULL_S = 900 * MAX_SIZE / (512 << 20)  # by then rows have to go
TOTALLED_S = 720  # by then a whole five minutes is totalled
RING = "64M"  # what waits while the collector is away
RESTARTS = 5  # so often in the time given
LOOK_S = 3
MOST_GROWTH = 8 << 20  # of one run, from a third of its life on;
# and for each connection that others on this node had open at once, and each sum of five minutes
# beyond our own, for which there is a bound, too:
EACH_OTHER = 1 << 10
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
				process_group=0,
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


COLUMNS = (  # of the table: head, width
	("time", 8), ("min", 3), ("made", 9), ("per s", 5), ("seen", 9), ("recorded", 9), ("lost", 6),
	("filtered", 8), ("on the way", 10), ("rows", 8), ("deleted", 9), ("aside", 5), ("RSS", 5),
	("own", 5), ("peak", 5), ("db", 5), ("wal", 5), ("shm", 4), ("set aside", 9), ("commits", 7),
	("ms", 5), ("asked", 6), ("failed", 6), ("account", 14),
)


def table_row(cells):
	return "| " + " | ".join(f"{cell:>{width}}" for cell, (_, width) in zip(cells, COLUMNS)) + " |"


class Soak:
	def __init__(self, build, minutes, folder):
		self.build, self.seconds, self.folder = build, minutes * 60, folder
		self.most_bytes = self.most_rss = self.most_lag_us = 0
		self.made_before = self.ran_s = self.most_others = self.most_keys = 0
		options = ("--pin", folder + "/bpf/connmon", "--max-size", str(MAX_SIZE), "--ring", RING)
		self.collector = Collector(build + "/collector/connmon-collect", folder + "/db", options)
		self.load = self.readers = self.log = None

	# ---- looking ----

	def look(self, ended=False, thorough=False):
		if self.history.look(ended, thorough):
			self.most_others = max(self.most_others, self.history.others_open)
			self.most_keys = max(self.most_keys, self.history.totals.keys)
			self.most_lag_us = max(self.most_lag_us, time.time_ns() // 1000 - self.history.last)

	def measure(self):
		self.load.check()
		self.most_rss = max(self.most_rss, self.collector.memory()[0])
		self.most_bytes = max(self.most_bytes, sum(self.collector.sizes()))

	def tell_head(self):
		print("soak: RSS, own (of it), the cgroup's peak and sizes in MiB; ms: the mean of a commit")
		print(table_row([head for head, _ in COLUMNS]))
		print("|" + "|".join("-" * (width + 1) + ":" for _, width in COLUMNS) + "|", flush=True)

	def tell(self, thorough=True):
		"""The row of each minute."""
		self.look(thorough=thorough)
		history, account, readers = self.history, self.history.account, self.readers
		rss, anon = self.collector.memory()
		peak = self.collector.cgroup.peak()
		commits, mean_s, _ = self.collector.commits()
		made, now_s = sum(self.load.made()), self.ran_s or time.monotonic() - self.begin_s
		troubles = len(history.troubles) + len(history.untold)
		print(
			table_row((
				time.strftime("%H:%M:%S"), f"{now_s / 60:.0f}", made,
				f"{(made - self.made_before) / max(now_s - self.told_s, 1):.0f}",
				account["seen"], account["recorded"], account["lost"], account["filtered"],
				account["in_flight"], history.totals.rows, history.deleted(), history.asides,
				f"{rss / MIB:.1f}", f"{anon / MIB:.1f}", f"{peak / MIB:.0f}" if peak else "-",
				*(f"{bytes_ / MIB:.1f}" for bytes_ in self.collector.sizes()),
				commits, f"{mean_s * 1000:.0f}", sum(readers.asked.values()), len(readers.failures),
				f"{troubles} DO NOT HOLD" if troubles else "holds",
			)),
			flush=True,
		)
		self.made_before, self.told_s = made, now_s

	# ---- the run ----

	def restart(self, n):
		number = (signal.SIGTERM, signal.SIGKILL)[n % 2]
		self.collector.end(number)
		self.log.look()
		self.collector.start()
		print(
			f"soak: {time.strftime('%H:%M:%S')} ended by {number.name}, ready again after"
			f" {self.collector.starts_s[-1]:.1f} s", flush=True,
		)

	def go_on(self):
		next_minute_s, next_look_s, restarts = 60, LOOK_S, 0
		while (now_s := time.monotonic() - self.begin_s) < self.seconds:
			self.measure()
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
		self.begin_s, self.told_s = time.monotonic(), 0
		self.load = Load(self.build + "/tests/soak/soak_load", self.folder)
		self.readers = Readers(self.build + "/query/connmon-query", self.collector.db)
		self.tell_head()
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
		self.log.stop()
		self.look(ended=True, thorough=True)

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
		if self.log:
			self.log.stop()
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
			"account", not history.troubles and account["in_flight"] == 0
			and account["lost"] <= history.lost_told(),
			f"{account['seen']} seen = {account['recorded']} recorded + {account['lost']} lost"
			f" ({lost or 'no reason'}) + {account['filtered']} filtered, {account['in_flight']} on"
			f" their way at the end, in {history.asides + 1} files;"
			f" {history.troubles.words()}",
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
		deleted, exact = history.deleted(), history.totals.exact
		pruned = history.gaps.get("pruned", (0, 0))
		yield (
			"retention at its cap", deleted > 0 or self.ran_s < FULL_S,
			f"{deleted} rows deleted, {pruned[1]} of them before their hour was totalled, told by"
			f" {pruned[0]} gaps; {history.asides} files set aside, with {history.rows_aside} rows",
		)
		yield (
			"deleted is told", not history.untold and (exact > 0 or self.ran_s < TOTALLED_S),
			f"in totals or gaps 'pruned', and totals of {exact} hours and five minutes say what their"
			f" rows said; {history.untold.words()}",
		)
		yield (
			"size", self.most_bytes <= MAX_SIZE,
			f"at most {self.most_bytes / MIB:.1f} of {MAX_SIZE / MIB:.0f} MiB, looked at each second",
		)
		yield (
			"memory", self.collector.growth() <= MOST_GROWTH + EACH_OTHER * (self.most_others + self.most_keys),
			f"RSS at most {self.most_rss / MIB:.1f} MiB with a ring of {RING}; own memory grew by"
			f" at most {self.collector.growth() / MIB:.1f} MiB in a run; others on this node had at most"
			f" {self.most_others} connections open, and made {counted['rows'] - counted['outs'] - counted['ins']};"
			f" sums of five minutes were at most {self.most_keys}",
		)
		yield (
			"log", not self.log.troubles and self.log.kinds,
			f"{sum(self.log.kinds.values())} lines of {len(self.log.kinds)} kinds, of each one in 30 s"
			f" {self.log.troubles[:3] or ''}",
		)
		yield (
			"readers", not self.readers.failures and sum(self.readers.asked.values()) > 0,
			f"{self.readers.asked}, the slowest {self.readers.slowest_s:.1f} s;"
			f" {self.readers.failures[:3] or 'none failed'}",
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
		for kind, n in sorted(self.log.kinds.items(), key=lambda kind: -kind[1])[:20]:
			print(f"\t{n} x {kind}")
		held = True
		for what, holds, figures in self.checks():
			print(f"soak: {what}: {'holds' if holds else 'DOES NOT HOLD'}: {figures}")
			held = held and holds
		rate = sum(self.load.made()) / self.ran_s
		reached = rate >= ENOUGH * RATE
		print(
			f"soak: load: {'reached' if reached else 'NOT REACHED'}: {rate:.0f} of {RATE} a second;"
			f" the machine's affair, not the collector's"
		)
		print(
			f"soak: a row was at most {self.most_lag_us / 1e6:.1f} s old when the next one came;"
			f" {'all holds' if held else 'NOT ALL HOLDS'}{'' if reached else ', but load not reached'}",
			flush=True,
		)
		return (0 if reached else 3) if held else 1


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
		return soak.summary()
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
