#!/usr/bin/env python3
"""How fast a ClickHouse takes in what nodes send, what that costs, and how soon it answers.

   tests/fleet/clickhouse.sh with 1 tests/bench/fleet.py BUILD FOLDER [NODES [ROWS [DAYS]]]

NODES (10) nodes that do not exist, of ROWS (1M) connections in a day each (tests/bench/traffic.h),
are sent by connmon-forward, one after the other; after each one clickhouse-client inserts the very
same rows, connections and totals of hours, once more, so that both meet the same machine and the same server. FOLDER keeps the
databases between runs. Then the day is copied within the server to DAYS (10) days, and asked.
CPU time is of all threads; a busy machine changes it less than the clock's."""
import os
import resource
import subprocess
import sys
import time
import urllib.parse
import urllib.request

build, folder = sys.argv[1:3]
NODES = int(sys.argv[3]) if len(sys.argv) > 3 else 10
ROWS = sys.argv[4] if len(sys.argv) > 4 else "1M"
DAYS = int(sys.argv[5]) if len(sys.argv) > 5 else 10
URL, FLEET, SERVER = os.environ["FLEET_URL"], os.environ["FLEET_FOLDER"], os.environ["FLEET_CLICKHOUSE"]
BEGIN_S = 1769818651  # as traffic's
REPORTS = ["summary", "top-destinations", "top-processes", "failures", "timeline"]
ROUNDS = 5
DAY_S = 86400


def ask(sql):
	with urllib.request.urlopen(URL + "?database=connmon&max_execution_time=3000", sql.encode(), 3600) as answer:
		return [line.split("\t") for line in answer.read().decode().splitlines()]


def number(sql):
	return int(ask(sql)[0][0])


class Cost:
	"""What passes between two moments: seconds by the clock, of our children, of the server; bytes
	over loopback."""

	def __init__(self):
		children = resource.getrusage(resource.RUSAGE_CHILDREN)
		pid = open(f"{FLEET}/pid.1").read().strip()
		stat = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
		lo = next(line for line in open("/proc/net/dev") if line.strip().startswith("lo:"))
		self.values = [time.monotonic(), children.ru_utime + children.ru_stime,
			(int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK"),
			int(lo.split(":")[1].split()[8])]

	def since(self):
		return [after - before for before, after in zip(self.values, Cost().values)]


def database(i):
	path = f"{folder}/node-{i}-{ROWS}.db"
	if not os.path.exists(path):
		subprocess.run([f"{build}/tests/bench/traffic", "--db", path + ".new", "--rows", ROWS,
			"--seed", str(i)], check=True, stderr=subprocess.DEVNULL)
		os.rename(path + ".new", path)
	return path


def forward(i, rows):
	subprocess.run([f"{build}/fleet/connmon-forward", "--db", database(i), "--state",
		f"{FLEET}/state-{i}", "--node", f"{i:032x}", "--node-name", f"node{i}", "--to",
		URL + "?database=connmon", "--once"], check=True, stderr=subprocess.DEVNULL)


SAME = ["connections", "hourly"]  # tables; what else there is, is a few thousand rows


def dump(i):
	for table in SAME:
		with urllib.request.urlopen(URL + "?database=connmon", f"""SELECT * FROM {table}
				WHERE node_id = '{i:032x}' FORMAT TabSeparated""".encode()) as answer:
			with open(f"{FLEET}/{table}.tsv", "wb") as file:
				while part := answer.read(1 << 20):
					file.write(part)


def insert():
	for table in SAME:
		with open(f"{FLEET}/{table}.tsv") as rows:
			subprocess.run([SERVER, "client", "1", "--query",
				f"INSERT INTO connmon.{table} FORMAT TabSeparated"], check=True, stdin=rows)


def tell(what, rows, cost):
	clock, ours, servers, wire = cost
	print(f"{what:22}{rows / clock:>12,.0f}{ours / rows * 1e6:>14.2f}{servers / rows * 1e6:>14.2f}"
		f"{wire / rows:>14.1f}", flush=True)


def ingest():
	print(f"{'':22}{'rows/s':>12}{'sender us/row':>14}{'server us/row':>14}{'wire B/row':>14}")
	sums = {"connmon-forward": [0] * 4, "clickhouse-client": [0] * 4}
	total = 0
	for i in range(1, NODES + 1):
		database(i)
		costs = {}
		before = Cost()
		forward(i, ROWS)
		costs["connmon-forward"] = before.since()
		rows = number(f"SELECT count() FROM connections WHERE node_id = '{i:032x}'")
		total += rows
		dump(i)
		before = Cost()
		insert()
		costs["clickhouse-client"] = before.since()
		for name, cost in costs.items():
			sums[name] = [a + b for a, b in zip(sums[name], cost)]
			if i == 1:
				tell(name + ", first", rows, cost)
	for name, cost in sums.items():
		tell(name, total, cost)
	forwarded, client = sums.values()
	print(f"connmon-forward at {client[0] / forwarded[0]:.2f} of clickhouse-client's rate, {total:,} rows")


def small_inserts():
	"""What an INSERT costs besides its rows: many nodes send little each. With what merging takes
	afterwards."""
	print(f"\n{'rows in an INSERT':22}{'INSERTs/s':>12}{'server ms each':>16}{'us/row':>10}")
	columns = [row[0] for row in ask("""SELECT name FROM system.columns WHERE database = 'connmon'
		AND table = 'connections' AND default_kind NOT IN ('MATERIALIZED', 'ALIAS')""")]
	body = ask(f"SELECT {', '.join(columns)} FROM connections WHERE node_id = '{1:032x}'"
		" ORDER BY id LIMIT 10000")
	query = urllib.parse.quote(f"INSERT INTO connections ({', '.join(columns)}) FORMAT TabSeparated")
	for rows, times in ((10, 300), (100, 300), (1000, 100), (10000, 30)):
		before = Cost()
		for i in range(times):
			text = "\n".join("\t".join([f"{i + rows * 1000:032x}", *row[1:]]) for row in body[:rows])
			urllib.request.urlopen(f"{URL}?database=connmon&query={query}", text.encode() + b"\n").read()
		clock = before.since()[0]
		while number("SELECT count() FROM system.merges"):
			time.sleep(0.2)
		time.sleep(2)  # merges that have not begun yet
		cpu = before.since()[2]
		print(f"{rows:<22}{times / clock:>12,.0f}{cpu / times * 1000:>16.2f}"
			f"{cpu / times / rows * 1e6:>10.2f}", flush=True)


def parts(table):
	rows, size = ask(f"""SELECT sum(rows), sum(bytes_on_disk) FROM system.parts WHERE active
		AND database = 'connmon' AND table = '{table}'""")[0]
	return int(rows), int(size)


def disk():
	tables = [row[0] for row in ask("""SELECT DISTINCT table FROM system.parts
		WHERE active AND database = 'connmon'""")]
	print(f"\n{'after merges':22}{'rows':>12}{'bytes':>16}{'bytes/row':>12}")
	for table in sorted(tables):
		subprocess.run([SERVER, "client", "1", "--receive_timeout", "3600", "--query",
			f"OPTIMIZE TABLE connmon.`{table}` FINAL"], check=True)
		rows, size = parts(table)
		print(f"{table:22}{rows:>12,}{size:>16,}{size / max(rows, 1):>12.1f}")
	columns = ask("""SELECT name, sum(data_compressed_bytes) AS b FROM system.columns
		WHERE database = 'connmon' AND table = 'connections' GROUP BY name ORDER BY b DESC LIMIT 12""")
	rows = parts("connections")[0]
	print("of connections: " + ", ".join(f"{name} {int(b) / rows:.1f}" for name, b in columns))


def copy():
	columns = [row[0] for row in ask("""SELECT name FROM system.columns WHERE database = 'connmon'
		AND table = 'connections' AND default_kind NOT IN ('MATERIALIZED', 'ALIAS')""")]
	before = Cost()
	for day in range(1, DAYS):
		shifted = ", ".join(f"id + {day * DAY_S * 10**6}" if c == "id" else c for c in columns)
		ask(f"""INSERT INTO connections ({', '.join(columns)}) SELECT {shifted} FROM connections
			WHERE id < {(BEGIN_S + DAY_S + 3600) * 10**6} AND id >= {BEGIN_S * 10**6}
			AND toString(node_id) != ''""" if day == 1 else f"""INSERT INTO connections
			({', '.join(columns)}) SELECT {shifted} FROM connections
			WHERE id < {(BEGIN_S + DAY_S) * 10**6}""")
	print(f"\n{parts('connections')[0]:,} rows after {before.since()[0]:.0f} s of copying")


def answers():
	last = BEGIN_S + DAYS * DAY_S
	print(f"\n{'ms, and server cpu ms':22}{'1 h':>16}{'24 h':>16}{'all':>16}")
	for report in REPORTS:
		line = f"{report:22}"
		for span in (3600, DAY_S, DAYS * DAY_S):
			taken = []
			for _ in range(ROUNDS if span < DAYS * DAY_S else 2):
				before = Cost()
				subprocess.run([f"{build}/query/connmon-query", "--fleet", URL + "?database=connmon",
					report, "--since", f"@{last - span}", "--until", f"@{last}", "--format", "csv"],
					check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
				clock, _, servers, _ = before.since()
				taken.append((clock, servers))
			clock, servers = sorted(taken)[(len(taken) - 1) // 2]
			line += f"{clock * 1000:>9,.0f}{servers * 1000:>7,.0f}"
		print(line, flush=True)


os.makedirs(folder, exist_ok=True)
subprocess.run([f"{build}/fleet/connmon-forward", "--init", "--to", URL + "?database=connmon"], check=True)
ingest()
disk()
small_inserts()
copy()
answers()
