"""What stands in the database, taken in as it grows: retention will have deleted it before the
end. Follows it into the next file when the collector sets one aside."""
import os
import re
import sqlite3
import time

import totals

OURS = """
SELECT ifnull(max(c.id), :last) AS last, count(*) AS rows,
       count(*) FILTER (WHERE outcome = 8) AS unseen,
       count(*) FILTER (WHERE netns = :netns AND direction = 0) AS outs,
       count(*) FILTER (WHERE netns = :netns AND direction = 1) AS ins,
       count(DISTINCT cookie) FILTER (WHERE netns = :netns AND direction = 0) AS out_sockets,
       count(DISTINCT cookie) FILTER (WHERE netns = :netns AND direction = 1) AS in_sockets
  FROM connection AS c JOIN local_address AS l ON l.id = c.local_id
 WHERE c.id > :last"""
ACCOUNT = """
SELECT sum(seen) AS seen, sum(recorded) AS recorded, sum(lost) AS lost, sum(filtered) AS filtered,
       sum(seen - recorded - lost - filtered) AS in_flight
  FROM account WHERE record = 'end'"""
# What the kernel has seen and the run that goes on has not committed is on its way.
WRONG = """
SELECT group_concat(format('run %d, %s: %d seen, %d recorded, %d lost, %d filtered',
                           run_id, record, seen, recorded, lost, filtered), '; ')
  FROM account
 WHERE seen <> recorded + lost + filtered
   AND (seen < recorded + lost + filtered OR run_id < (SELECT max(id) FROM run) OR :ended)"""
OTHERS = "SELECT count(*) FROM open_connection WHERE netns <> ?"
COUNTED = ("rows", "unseen", "outs", "ins", "out_sockets", "in_sockets")
SUMS = ("seen", "recorded", "lost", "filtered", "in_flight")
# What was seen and lost. (Of table_full the end is recorded.)
LOST = ("ring_full", "disk_full", "recursion", "corrupt")
MOST_ABSENT_S = 30  # from where a file was set aside until the next one can be read


class Troubles(dict):
	"""The first of each kind, in words: what does not hold once goes on so at each look."""

	def add(self, words):
		self.setdefault(re.sub(r"\d+", "N", words), words)

	def words(self):
		return "; ".join(self.values()) or "at each look"


class History:
	def __init__(self, path, netns):
		self.path, self.netns = path, netns
		self.last = self.others_open = 0
		self.counted = dict.fromkeys(COUNTED, 0)
		self.before = dict.fromkeys(SUMS, 0)  # in files that were set aside
		self.gaps_before = {}
		self.account, self.gaps = dict(self.before), {}
		self.troubles, self.untold = Troubles(), Troubles()  # of the account; of what was deleted
		self.db, self.inode, self.absent_s = None, None, None
		self.asides = self.deleted_before = self.rows_aside = 0
		self.totals = totals.Totals(self.untold)

	# ---- which file ----

	def inode_now(self):
		try:
			return os.stat(self.path).st_ino
		except FileNotFoundError:  # it is being set aside
			return None

	def look(self, ended=False, thorough=False):
		"""Takes in what is new, and @thorough: compares what is gone with what stands for it.
		@ended: no collector runs. False: there is no file now."""
		if self.db and self.inode_now() != self.inode:
			self.finish_aside()
		if not self.db and not self.open():
			return False
		self.take_in(ended, thorough)
		return True

	def open(self):
		"""The next file may be in the making."""
		inode, db = self.inode_now(), None
		try:
			db = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=30)
			db.row_factory = sqlite3.Row
			db.isolation_level = None
			db.execute("SELECT * FROM extent").fetchone()
		except sqlite3.OperationalError as error:
			self.absent_s = self.absent_s or time.monotonic()
			if time.monotonic() - self.absent_s > MOST_ABSENT_S:
				raise RuntimeError(f"for {MOST_ABSENT_S} s no database to be read: {error}") from error
			inode = None
		if inode is None or inode != self.inode_now():
			if db:
				db.close()
			return False
		self.db, self.inode, self.absent_s = db, inode, None
		return True

	def finish_aside(self):
		"""Our connection still reads the file that was renamed, into which nobody writes now."""
		self.take_in(ended=True, thorough=True)
		self.before, self.gaps_before = self.account, self.gaps
		self.asides += 1
		self.deleted_before += self.totals.gone
		self.rows_aside += self.totals.rows
		self.totals = totals.Totals(self.untold, self.totals.exact)
		self.db.close()
		self.db = None

	# ---- what is in it ----

	def take_in(self, ended, thorough):
		"""In one transaction: rows and account must agree at any time."""
		self.db.execute("BEGIN")
		try:
			new = self.db.execute(OURS, {"last": self.last, "netns": self.netns}).fetchone()
			self.totals.take_in(self.db, self.last)
			sums = self.db.execute(ACCOUNT).fetchone()
			wrong = self.db.execute(WRONG, {"ended": ended}).fetchone()[0]
			gaps = self.db.execute("SELECT reason, count(*), total(count) FROM gap GROUP BY reason").fetchall()
			self.others_open = self.db.execute(OTHERS, (self.netns,)).fetchone()[0]
			if thorough:
				self.totals.compare(self.db)
		finally:
			self.db.execute("COMMIT")
		self.last = new["last"]
		for name in COUNTED:
			self.counted[name] += new[name]
		self.account = {name: self.before[name] + (sums[name] or 0) for name in SUMS}
		self.gaps = dict(self.gaps_before)
		for reason, n, count in gaps:
			had = self.gaps.get(reason, (0, 0))
			self.gaps[reason] = (had[0] + n, had[1] + int(count))
		self.check(wrong)

	def check(self, wrong):
		if wrong:
			self.troubles.add("the account does not add up: " + wrong)
		ended = self.counted["rows"] - self.counted["unseen"]
		if ended != self.account["recorded"]:
			self.troubles.add(f"{ended} rows were there, the account says {self.account['recorded']}")
		told = self.lost_told()
		# "corrupt" counts events of all kinds.
		if not told - self.gaps.get("corrupt", (0, 0))[1] <= self.account["lost"] <= told:
			self.troubles.add(f"{self.account['lost']} lost, the gaps tell of {told}")

	def lost_told(self):
		return sum(self.gaps.get(reason, (0, 0))[1] for reason in LOST)

	def deleted(self):
		"""Rows, as of the last thorough look, by retention; those of files set aside are kept there."""
		return self.deleted_before + self.totals.gone

	def lost_by_reason(self):
		return {reason: count for reason, (_, count) in self.gaps.items() if reason in LOST and count}
