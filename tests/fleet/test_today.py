#!/usr/bin/env python3
"""What only today's servers know: types, TTL, tokens of batches; and that they take the statements of
replicas and shards, of which this one has none. The clock is the real one.

   FLEET_TODAY=1 clickhouse.sh with 1 test_today.py"""
import http.server
import os
import re
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import history
from history import DATABASE, URL, ask

FORWARD = os.environ["CONNMON_FORWARD"]
FOLDER = os.environ["FLEET_FOLDER"]
MANY = os.environ["CONNMON_MANY_DB"]
DAY_US = 86400 * 10**6
NO_ZOOKEEPER, NO_CLUSTER = 225, 701
NODE = "b" * 32


def expect(what, want, have):
	if want != have:
		sys.exit(f"FAIL: {what}: should be {want!r}, is {have!r}")
	print(f"ok: {what}: {have!r}"[:160], flush=True)


def rows(sql):
	return [tuple(line.split("\t")) for line in ask(sql, url=DATABASE).decode().splitlines()]


def of_node(sql, path=MANY):
	return [tuple(map(str, row)) for row in sqlite3.connect(path).execute(sql)]


def forward(path, to=DATABASE, node=NODE, **more):
	return subprocess.run([FORWARD, "--db", path, "--to", to, "--node", node, "--node-name", "n", "--once",
		"--state", f"{FOLDER}/{node[0]}.state"], check=True, **more)


def types():
	expect("the table is made as for today's", [("1", "1", "1", "1")], rows(
		"SELECT position(sql, 'LowCardinality(Nullable(String))') > 0, position(sql, 'ALIAS toIPv6') > 0,"
		" position(sql, 'toIntervalDay(10000)') > 0, position(sql, 'deduplication_window = 100') > 0"
		" FROM (SELECT create_table_query AS sql FROM system.tables WHERE database = 'connmon'"
		" AND name = 'connections')"))
	expect("times to the microsecond", of_node(
		"SELECT id, strftime('%Y-%m-%d %H:%M:%S', id / 1000000, 'unixepoch') || printf('.%06d', id % 1000000)"
		" FROM ended_connections ORDER BY id LIMIT 50"),
		rows(f"SELECT id, ended_at FROM ended_connections WHERE node_id = '{NODE}' ORDER BY id LIMIT 50"))
	expect("peers in 10.0.0.0/8", of_node(
		"SELECT count(*), sum(tx_bytes) FROM ended_connections WHERE peer_addr LIKE '10.%'"),
		rows("SELECT count(), sum(tx_bytes) FROM connections FINAL WHERE peer_ip BETWEEN"
			f" toIPv6('10.0.0.0') AND toIPv6('10.255.255.255') AND node_id = '{NODE}'"))
	expect("peers of IPv6", of_node(
		"SELECT DISTINCT peer_addr FROM ended_connections WHERE peer_addr LIKE '%:%' ORDER BY 1"),
		rows("SELECT DISTINCT toString(peer_ip) AS ip FROM connections FINAL"
			f" WHERE family = 6 AND node_id = '{NODE}' ORDER BY ip"))


class Forgetful(http.server.BaseHTTPRequestHandler):
	"""The way to the server, on which the answer to each INSERT of connections gets lost once."""

	protocol_version = "HTTP/1.1"
	seen = set()

	def do_POST(self):
		body = self.rfile.read(int(self.headers["Content-Length"]))
		kept = {name: self.headers[name] for name in ("Content-Encoding",) if name in self.headers}
		try:
			with urllib.request.urlopen(urllib.request.Request(URL + self.path[1:], body, kept)) as answer:
				status, said = answer.status, answer.read()
		except urllib.error.HTTPError as error:
			status, said = error.code, error.read()
		what = (self.path, body)
		if "INSERT+INTO+connections" in self.path.replace("%20", "+") and what not in Forgetful.seen:
			Forgetful.seen.add(what)
			self.close_connection = True
			self.connection.close()
			return
		self.send_response(status)
		self.send_header("Content-Length", str(len(said)))
		self.end_headers()
		self.wfile.write(said)

	def log_message(self, *_):
		pass


def with_server(handler, port, test):
	server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
	threading.Thread(target=server.serve_forever, daemon=True).start()
	try:
		test(f"http://127.0.0.1:{port}/?database=connmon")
	finally:
		server.shutdown()
		server.server_close()


def a_batch_sent_twice():
	"""The server knows the batch by its token, so that it is not even stored twice."""
	with_server(Forgetful, 8666, lambda url: forward(MANY, url, "c" * 32))
	assert Forgetful.seen, "no answer got lost"
	expect("rows of batches that were sent twice, not merged", of_node(
		"SELECT count(*), count(DISTINCT id) FROM ended_connections"),
		rows(f"SELECT count(), uniqExact(id) FROM connections WHERE node_id = '{'c' * 32}'"))


def old_rows_go():
	"""With --keep of so many days that half of a history is older."""
	subprocess.run([FORWARD, "--init", "--to", URL + "?database=short", "--keep", "7"], check=True)
	path = FOLDER + "/recent.db"
	now_us = time.time_ns() // 1000
	subprocess.run([os.environ["CONNMON_TRAFFIC"], "--db", path, "--rows", "2000", "--begin",
		str(now_us // 10**6 - 14 * 86400), "--span", "14d"], check=True,
		stderr=subprocess.DEVNULL)
	forward(path, URL + "?database=short", "d" * 32)
	ask("OPTIMIZE TABLE connections FINAL", url=URL + "?database=short")
	cut_us = now_us - 7 * DAY_US
	here = int(of_node(f"SELECT count(*) FROM ended_connections WHERE id >= {cut_us}", path)[0][0])
	old = int(of_node(f"SELECT count(*) FROM ended_connections WHERE id < {cut_us}", path)[0][0])
	assert here > 100 and old > 100, (here, old)
	kept = int(ask(f"SELECT countIf(id >= {cut_us}) FROM connections", url=URL + "?database=short"))
	rest = int(ask(f"SELECT countIf(id < {cut_us}) FROM connections", url=URL + "?database=short"))
	expect("rows within --keep", here, kept)
	expect(f"of {old} rows before it", 0, rest)


def what_is_open_stays():
	"""Rows of what is open go a week after they were sent, so one that is idle is sent again."""
	database = URL + "?database=idle"
	subprocess.run([FORWARD, "--init", "--to", database], check=True)
	forward(MANY, database, "e" * 32)

	def still_open():
		return ask("SELECT count(), countIf(sent_us > (toUnixTimestamp(now()) - 3600) * 1000000)"
			" FROM open_connections FINAL WHERE is_over = 0", url=database).decode().split()

	fresh = still_open()
	assert fresh[0] == fresh[1] != "0", fresh
	ask("CREATE TABLE old ENGINE = Memory AS SELECT * REPLACE (toUInt64(sent_us - 2 * 86400000000) AS"
		" sent_us) FROM open_connections FINAL", url=database)
	ask("TRUNCATE TABLE open_connections", url=database)
	ask("INSERT INTO open_connections SELECT * FROM old", url=database)
	expect("open ones, and fresh", [fresh[0], "0"], still_open())
	forward(MANY, database, "e" * 32)
	expect("open ones, and fresh, after a forwarder came again", fresh, still_open())


class Recorder(http.server.BaseHTTPRequestHandler):
	"""As a server with a cluster would answer --init."""

	statements = []

	def do_POST(self):
		sql = self.rfile.read(int(self.headers["Content-Length"])).decode()
		said = ask(sql) if "version()" in sql else b"1\n" if "system.clusters" in sql else b""
		if not said:
			Recorder.statements.append(sql)
		self.send_response(200)
		self.send_header("Content-Length", str(len(said)))
		self.end_headers()
		self.wfile.write(said)

	def log_message(self, *_):
		pass


def code_of(sql):
	request = urllib.request.Request(URL + "?database=parsed", sql.encode())
	try:
		urllib.request.urlopen(request).read()
		return 0
	except urllib.error.HTTPError as error:
		code = int(error.headers["X-ClickHouse-Exception-Code"])
		if code not in (NO_ZOOKEEPER, NO_CLUSTER):
			print(sql, error.read().decode())
		return code


def replicas_and_shards():
	"""The server takes each statement, up to what it does not have."""
	with_server(Recorder, 8667, lambda url: subprocess.run([FORWARD, "--init", "--to",
		url.replace("database=connmon", "database=parsed"), "--cluster", "connmon", "--replicated"], check=True))
	ask("CREATE DATABASE parsed")
	codes = {NO_ZOOKEEPER: 0, NO_CLUSTER: 0}
	for sql in Recorder.statements:
		ask("EXPLAIN AST " + sql)
		if "Replicated" in sql:
			code = code_of(sql.replace("{shard}", "1").replace("{replica}", "1"))
			ask(re.sub(r"ReplicatedReplacingMergeTree\('[^']*', '[^']*'(, )?", "ReplacingMergeTree(", sql),
				url=URL + "?database=parsed")
		elif "Distributed" in sql:
			code = code_of(sql)
		else:
			continue
		codes[code] = codes.get(code, 0) + 1
	n = sum("CREATE TABLE" in sql for sql in Recorder.statements) // 2
	assert n >= 9, Recorder.statements
	expect("what Replicated and Distributed tables lack: ZooKeeper, a cluster",
		{NO_ZOOKEEPER: n, NO_CLUSTER: n}, codes)


def main():
	expect("the server is today's", True, int(ask("SELECT version()").split(b".")[0]) >= 25)
	history.create()
	forward(MANY)
	types()
	a_batch_sent_twice()
	old_rows_go()
	what_is_open_stays()
	replicas_and_shards()


main()
