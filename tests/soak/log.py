"""How much the collector says: of each kind a line in 30 s."""
import re
import threading
import time

APART_S = 28  # two of them: 30, and what a busy machine is late


def kind_of(line):
	return re.sub(r"\d+", "N", line)


class Log:
	"""A thread that reads what @collector says as it comes, until stop()."""

	def __init__(self, collector):
		self.collector = collector
		self.kinds = {}  # how many lines
		self.last_s = {}  # of a run and kind: when
		self.troubles = []
		self.at, self.ended = 0, threading.Event()
		self.lock = threading.Lock()
		self.thread = threading.Thread(target=self.follow)
		self.thread.start()

	def follow(self):
		try:
			while not self.ended.wait(0.25):
				self.look()
			self.look()
		except Exception as error:  # or it would be gone, and nobody knew
			self.troubles.append(f"the reader of the log died: {error!r}")

	def look(self):
		"""Also to be called when a run has ended: its last words are its own."""
		with self.lock:
			self.take_in()

	def take_in(self):
		run, now_s = self.collector.runs, time.monotonic()
		said = self.collector.said(self.at)
		said = said[: said.rfind(b"\n") + 1]
		self.at += len(said)
		for line in said.decode(errors="replace").splitlines():
			kind = kind_of(line)
			self.kinds[kind] = self.kinds.get(kind, 0) + 1
			before_s = self.last_s.get((run, kind))
			if before_s and now_s - before_s < APART_S:
				self.troubles.append(f"{now_s - before_s:.1f} s after the one before: {line}")
			self.last_s[run, kind] = now_s

	def stop(self):
		self.ended.set()
		self.thread.join()
