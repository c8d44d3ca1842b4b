"""Whether what retention deleted from a database is told there: connections go when their hour is
totalled, or are counted in a gap "pruned"; and totals say what the rows said."""

SLOT_US, HOUR_US = 300_000_000, 3_600_000_000
SLOTS = """
SELECT id / 300000000 AS slot, count(*) AS n FROM connection WHERE id > ? GROUP BY slot"""
EXTENT = """
SELECT *, totals_until_hour * 3600000000 AS until_us,
       (SELECT count(*) FROM connection) AS rows,
       (SELECT count(*) FROM connection WHERE id >= totals_until_hour * 3600000000) AS untotalled,
       (SELECT min(id) FROM connection) AS first,
       (SELECT total(count) FROM gap WHERE reason = 'pruned') AS pruned
  FROM extent"""
HOURS = """
SELECT hour, sum(attempts) AS rows, (SELECT sum(attempts) FROM hourly AS h WHERE h.hour = p.hour) AS by_peer,
       (SELECT total(count) FROM gap WHERE reason = 'pruned'
        AND to_us >= hour * 3600000000 AND from_us < (hour + 1) * 3600000000) AS pruned
  FROM hourly_program AS p WHERE hour >= ? AND hour < ? GROUP BY hour"""
RECENT = "SELECT ifnull(sum(attempts), 0) FROM recent_program WHERE slot = ?"

KEYS = "SELECT ifnull(max(n), 0) FROM (SELECT count(*) AS n FROM recent_program GROUP BY slot)"


class Totals:
	"""Of one file. What does not hold is added to @troubles. @exact: of so many intervals of files
	before, totals were compared with rows."""

	def __init__(self, troubles, exact=0):
		self.troubles, self.exact = troubles, exact
		self.counted = {}  # rows that ended in five minutes
		self.compared = set()
		self.rows = self.gone = 0  # as of the last comparison
		self.keys = 0  # that a sum of five minutes had at most

	def take_in(self, db, last):
		"""What is new. That is also the time to compare what is just totalled: soon after, its first
		rows go."""
		for slot, n in db.execute(SLOTS, (last,)):
			self.counted[slot] = self.counted.get(slot, 0) + n
		self.compare_recent(db, db.execute("SELECT * FROM extent").fetchone())

	def must(self, holds, words):
		if not holds:
			self.troubles.add(words)

	def compare(self, db):
		extent = db.execute(EXTENT).fetchone()
		self.keys = max(self.keys, db.execute(KEYS).fetchone()[0])
		self.compare_gone(extent)
		self.compare_hours(db, extent)

	def compare_gone(self, extent):
		self.rows, pruned = extent["rows"], int(extent["pruned"])
		self.gone = sum(self.counted.values()) - self.rows
		later = sum(n for slot, n in self.counted.items() if slot * SLOT_US >= extent["until_us"])
		untold = later - extent["untotalled"]  # gone and in no total
		self.must(
			untold <= pruned <= self.gone,
			f"{self.gone} rows are gone, {untold} of them in no total, and the gaps 'pruned' tell of {pruned}",
		)
		self.must(
			self.gone == 0 or extent["rows_from_us"] > 0,
			f"{self.gone} rows are gone, and the extent says that all are there",
		)
		self.must(
			extent["first"] is None or extent["first"] >= extent["rows_from_us"],
			f"a row of {extent['first']}, and the extent says they begin at {extent['rows_from_us']}",
		)

	def compare_hours(self, db, extent):
		"""Sums of an hour in the making may hold rows that have been counted as pruned."""
		span = (extent["totals_from_hour"], extent["totals_until_hour"])
		hours = {row["hour"]: row for row in db.execute(HOURS, span)}
		counted = {}
		for slot, n in self.counted.items():
			hour = slot * SLOT_US // HOUR_US
			counted[hour] = counted.get(hour, 0) + n
		for hour, n in counted.items():
			if not span[0] <= hour < span[1]:
				continue
			row = hours.get(hour)
			rows, by_peer, pruned = (row["rows"], row["by_peer"], int(row["pruned"])) if row else (0, 0, 0)
			self.must(
				n - pruned <= rows <= n and rows == by_peer,
				f"hour {hour}: {n} rows, {pruned} of them pruned; totals of {rows}, by peer of {by_peer}",
			)
			self.count(("hour", hour))

	def compare_recent(self, db, extent):
		span = (extent["recent_from_slot"], extent["recent_until_slot"])
		for slot, n in self.counted.items():
			if ("slot", slot) in self.compared or not span[0] <= slot < span[1]:
				continue
			if extent["rows_from_us"] > slot * SLOT_US:  # what has gone before it was totalled?
				continue
			rows = db.execute(RECENT, (slot,)).fetchone()[0]
			self.must(rows == n, f"five minutes {slot}: {n} rows, totals of {rows}")
			self.count(("slot", slot))

	def count(self, interval):
		if interval not in self.compared:
			self.compared.add(interval)
			self.exact += 1
