"""What stands in the database, taken in as it grows: retention will have deleted it before the
end. Follows it into the next file when the collector sets one aside."""
import glob
import os
import sqlite3

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
SELECT sum(seen) FILTER (WHERE record = 'end') AS seen,
       sum(recorded) FILTER (WHERE record = 'end') AS recorded,
       sum(lost) FILTER (WHERE record = 'end') AS lost,
       sum(filtered) FILTER (WHERE record = 'end') AS filtered,
       sum(seen - recorded - lost - filtered) FILTER (WHERE record = 'end') AS in_flight
  FROM account"""
# What the kernel has seen and the run that goes on has not committed is on its way.
WRONG = """
SELECT group_concat(format('run %d, %s: %d seen, %d recorded, %d lost, %d filtered',
                           run_id, record, seen, recorded, lost, filtered), '; ')
  FROM account
 WHERE seen <> recorded + lost + filtered
   AND (seen < recorded + lost + filtered OR run_id < (SELECT max(id) FROM run) OR :ended)"""
COUNTED = ("rows", "unseen", "outs", "ins", "out_sockets", "in_sockets")
SUMS = ("seen", "recorded", "lost", "filtered", "in_flight")


class History:
	def __init__(self, path, netns):
		self.path, self.netns = path, netns
		self.last = 0
		self.counted = dict.fromkeys(COUNTED, 0)
		self.before = dict.fromkeys(SUMS, 0)  # in files that were set aside
		self.gaps_before = {}
		self.account, self.gaps = dict(self.before), {}
		self.db, self.inode = None, None
		self.aside = set()

	def look(self, ended=False):
		"""Takes in what is new. In one transaction: rows and account must agree at any time.
		@ended: no collector runs."""
		inode = os.stat(self.path).st_ino
		if self.db and inode != self.inode:
			self.finish_aside()
		if not self.db:
			self.db = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=30)
			self.db.row_factory = sqlite3.Row
			self.db.isolation_level = None
			self.inode = inode
		self.take_in(ended)

	def take_in(self, ended=False):
		self.db.execute("BEGIN")
		try:
			new = self.db.execute(OURS, {"last": self.last, "netns": self.netns}).fetchone()
			sums = self.db.execute(ACCOUNT).fetchone()
			self.wrong_lines = self.db.execute(WRONG, {"ended": ended}).fetchone()[0]
			gaps = self.db.execute("SELECT reason, count(*), total(count) FROM gap GROUP BY reason").fetchall()
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

	def finish_aside(self):
		"""Our connection still reads the file that was renamed."""
		self.take_in()
		self.before, self.gaps_before = self.account, self.gaps
		self.aside.update(glob.glob(self.path + ".*-2*Z"))
		self.db.close()
		self.db = None

	def rows_now(self):
		return self.db.execute("SELECT count(*) FROM connection WHERE id <= ?", (self.last,)).fetchone()[0]

	def lost_by_reason(self):
		return {reason: count for reason, (_, count) in self.gaps.items() if reason != "pruned"}

	def wrong(self):
		"""What does not hold, in words; None when all does."""
		if self.wrong_lines:
			return "the account does not add up: " + self.wrong_lines
		ended = self.counted["rows"] - self.counted["unseen"]
		if ended != self.account["recorded"]:
			return f"{ended} rows were there, the account says {self.account['recorded']}"
		return None
