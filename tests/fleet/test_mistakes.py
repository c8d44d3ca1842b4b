#!/usr/bin/env python3
"""What may be wrong with a server, or with what a forwarder was told: it says so in one sentence, the
node loses nothing, and once it is mended everything is there.

   FLEET_DISK=400m clickhouse.sh with 1 test_mistakes.py"""
import http.server
import shutil
import threading

from fleet import *

URL = os.environ["FLEET_URL"] + "?database=connmon"
TRAFFIC = os.environ["CONNMON_TRAFFIC"]
PATIENCE_S = 2  # of who only waits for what it says
number = 0


def history(rows, seed=1, *more):
	"""A node's database, made up."""
	path = f"{FOLDER}/history-{rows}-{seed}.db"
	subprocess.run([TRAFFIC, "--db", path, "--rows", str(rows), "--seed", str(seed), *more],
		check=True, stderr=subprocess.DEVNULL)
	return path


class Try:
	"""One node's forwarder, called with one thing wrong and then mended."""

	def __init__(self, what, db, node=None):
		global number
		number += 1
		self.what, self.db, self.node = what, db, node or f"{number:032x}"
		self.name, self.own_id = f"node{number}", False
		self.state, self.log = f"{FOLDER}/state-{number}", f"{FOLDER}/log-{number}"

	def words(self, to, *more):
		node = [] if self.own_id else ["--node", self.node]
		return [FORWARD, "--db", self.db, "--to", to, *node, "--node-name", self.name,
			"--state", self.state, *more]

	def says(self, to, *wanted):
		"""Runs until it has said something and then for a while: that is one line."""
		with open(self.log, "w") as log:
			process = subprocess.Popen(self.words(to), stderr=log, stdout=log)
			wait(self.what + ": a sentence", lambda: os.path.getsize(self.log) > 0 or
				process.poll() is not None)
			try:
				process.wait(PATIENCE_S)
			except subprocess.TimeoutExpired:
				process.terminate()
				process.wait()
		lines = open(self.log).read().splitlines()
		lines = [line for line in lines if " sent " not in line]
		print(f"{self.what}: {lines}")
		if len(lines) != 1:
			fail(f"{self.what}: {len(lines)} lines instead of one", self.log)
		for word in wanted:
			if word not in lines[0]:
				fail(f"{self.what}: does not say {word!r}", self.log)

	def mended(self, to=URL):
		"""What was wrong is right again: all rows get there, once."""
		done = subprocess.run(self.words(to, "--once"), capture_output=True, text=True, timeout=TIRED_S)
		if done.returncode != 0:
			fail(f"{self.what}: does not recover: {done.stderr}")
		here = sqlite3.connect(f"file:{self.db}?mode=ro", uri=True).execute(
			"SELECT count(*), count(DISTINCT id), sum(tx_bytes) FROM ended_connections").fetchone()
		expect(f"{self.what}: after mending", [str(n) for n in here], ask(
			f"SELECT count(), uniqExact(id), sum(tx_bytes) FROM connmon.connections FINAL"
			f" WHERE node_id = '{self.node}'")[0])


class NoClickHouse(http.server.BaseHTTPRequestHandler):
	def do_GET(self):
		self.send_error(404)

	do_POST = do_GET

	def log_message(self, *_):
		pass


def wrong_address():
	t = Try("nobody listens there", history(500))
	t.says("http://127.0.0.1:1/?database=connmon", "127.0.0.1", "refused")
	t.mended()
	t = Try("no such host", history(500))
	t.says("http://no-such-host.invalid:8123/?database=connmon", "no-such-host.invalid")
	t.mended()
	other = http.server.ThreadingHTTPServer(("127.0.0.1", 8099), NoClickHouse)
	threading.Thread(target=other.serve_forever, daemon=True).start()
	t = Try("no ClickHouse", history(500))
	t.says("http://127.0.0.1:8099/?database=connmon", "127.0.0.1:8099")
	t.mended()


def with_user(user):
	return URL.replace("//", f"//{user}@")


def wrong_user():
	t = Try("a user who is not there", history(500))
	t.says(with_user("nobody:x"), "nobody")
	t.mended()
	t = Try("a wrong password", history(500))
	t.says(with_user("writer:wrong"), "password")
	if "wrong@" in open(t.log).read():
		fail("the password is shown", t.log)
	t.mended(with_user("writer:secret"))
	t = Try("a user who may only read", history(500))
	t.says(with_user("reader:secret"), "read")
	t.mended()


def wrong_schema():
	t = Try("no such database", history(500))
	t.says(URL.replace("connmon", "elsewhere"), "elsewhere", "--init")
	t.mended()
	ask("RENAME TABLE connmon.connections TO connmon.away")
	t = Try("a table is missing", history(500))
	t.says(URL, "connections")
	ask("RENAME TABLE connmon.away TO connmon.connections")
	t.mended()


def other_versions():
	"""What an older version made is told, and brought up to date; what a newer one made is left alone."""
	older = URL.replace("=connmon", "=older")
	run(FORWARD, "--init", "--to", older, "--keep", "10000", "--keep-totals", "10000")
	for sql in ("ALTER TABLE older.gaps DROP COLUMN uid", "ALTER TABLE older.gaps DROP COLUMN uid_count",
			"DROP TABLE older.schema", "CREATE VIEW older.schema AS SELECT 1 AS version FROM system.one",
			"INSERT INTO older.gaps (node_id, node, id, from_us, to_us, reason, sent_us)"
			" VALUES ('a', 'a', 1, 2, 3, 'lost', 4)"):
		ask(sql)
	t = Try("tables of an older version", history(500))
	t.says(older, "of version 1, this program's of 2", "--init")
	run(FORWARD, "--init", "--to", older)
	run(FORWARD, "--init", "--to", older)
	run(*t.words(older, "--once"))
	here = sqlite3.connect(f"file:{t.db}?mode=ro", uri=True).execute("SELECT count(*) FROM connection")
	expect("rows of the node in them", [[str(here.fetchone()[0])]], ask("SELECT count() FROM older.connections"))
	expect("rows of the older version", [["3", "1"]], ask(
		"SELECT to_us, isNull(uid) AND isNull(uid_count) FROM older.gaps WHERE node_id = 'a'"))
	ask("DROP TABLE older.schema")
	ask("CREATE VIEW older.schema AS SELECT 3 AS version FROM system.one")
	newer = subprocess.run([FORWARD, "--init", "--to", older], capture_output=True, text=True)
	expect("--init of tables of a newer version", (78, 1), (newer.returncode,
		newer.stderr.count("are of version 3, this program's of 2; run --init of the newer")))
	for cluster, words in (("nowhere", "knows no cluster 'nowhere'"), ("it's", "'it's' is no name of a cluster")):
		lacking = subprocess.run([FORWARD, "--init", "--to", older, "--cluster", cluster], capture_output=True,
			text=True)
		expect(f"--init of the cluster {cluster}", (78, True), (lacking.returncode, words in lacking.stderr))
	t.mended()


def full_server():
	"""Its disk is filled to the last byte, then some is free again."""
	t = Try("the server's disk is full", history(20000))
	with open(f"{FOLDER}/1/ballast", "wb", buffering=0) as ballast:
		try:
			while ballast.write(b"x" * 65536):
				pass
		except OSError:
			pass
	t.says(URL, "space")
	os.unlink(f"{FOLDER}/1/ballast")
	t.mended()


def skewed_clocks():
	"""A node's clock is a day fast, another's a day slow: each row keeps what its node said."""
	for what, begin_s in (("a clock a day fast", time.time() + 86400), ("a day slow", time.time() - 2 * 86400)):
		Try(what, history(500, 1 + int(begin_s) % 89, "--begin", str(int(begin_s)))).mended()


def one_identity_for_two():
	"""A machine was cloned with its machine id: who comes second is told, and sends nothing."""
	with open(FOLDER + "/machine-id", "w") as file:
		file.write("8" * 32 + "\n")
	if os.path.exists("/etc/machine-id"):
		run("mount", "--bind", FOLDER + "/machine-id", "/etc/machine-id")
	else:
		print("left out: no /etc/machine-id to stand in for")
		return
	first = Try("the first of two that share a machine id", history(500, 3), "8" * 32)
	first.own_id = True
	first.mended()
	second = Try("the second of them", history(700, 4), "8" * 32)
	second.own_id = True
	second.says(URL, "8" * 32)
	second.own_id, second.node = False, "9" * 32
	second.mended()
	first.mended()


# The histories are of another year: today's servers would delete what is older than 90 days.
run(FORWARD, "--init", "--to", URL, "--keep", "10000", "--keep-totals", "10000")
wrong_address()
wrong_user()
wrong_schema()
other_versions()
full_server()
skewed_clocks()
one_identity_for_two()
