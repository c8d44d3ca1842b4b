#!/usr/bin/env python3
"""Today's ClickHouse, which Debian does not have: the engine is the real one, as the library that npm
package chdb brings (fetch_today.sh), and before it stands so much of HTTP as connmon-forward and
connmon-query speak. Real are parser, types, tables, merges and what is wrong with a statement or a row;
users, passwords and the status of an answer are made here as the server's documentation has them. There
is no cluster and no ZooKeeper.

   today.py LIBRARY PORT FOLDER

Users are those of clickhouse.sh. SIGTERM ends it as a server's."""
import base64
import ctypes
import gzip
import http.server
import os
import re
import signal
import sys
import threading
import urllib.parse

LIBRARY, PORT, FOLDER = sys.argv[1], int(sys.argv[2]), sys.argv[3]

# Of each user: the password, and what his profile sets.
USERS = {
	"default": ("", []),
	"writer": ("secret", []),
	"reader": ("secret", ["readonly=1"]),
	"sloppy": ("secret", ["max_result_rows=5", "result_overflow_mode=break",
		"max_rows_to_group_by=2", "group_by_overflow_mode=any"]),
}
# Words of the URL that are the server's own, and no settings.
NOT_SETTINGS = ("query", "database", "wait_end_of_query", "buffer_size", "compress", "decompress",
	"user", "password", "default_format")
# ClickHouse's numbers, and the status that an answer with them has; of others it is 500.
STATUS = {
	400: (6, 8, 25, 26, 27, 38, 41, 53, 62, 72, 117, 321, 675, 676),
	403: (192, 193, 516),
	404: (46, 47, 50, 60, 73, 81, 115),
	408: (159,),
}
SYNTAX_ERROR, AUTHENTICATION_FAILED = 62, 516


class Refused(Exception):
	def __init__(self, text):
		super().__init__(text)
		self.text = re.sub(r" \(version [^()]*\)$", "", text)
		self.code = int(re.match(r"Code: (\d+)", text)[1])


class Analysis(ctypes.Structure):
	_fields_ = [(name, ctypes.c_uint32) for name in ("size", "statements", "flags", "kind")]


def load():
	library = ctypes.CDLL(LIBRARY)
	text, size, handle = ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p
	for name, result, *arguments in (
			("connect", ctypes.POINTER(handle), ctypes.c_int, ctypes.POINTER(text)),
			("close_conn", None, ctypes.POINTER(handle)),
			("query_n", handle, handle, text, size, text, size),
			("classify_query_n", ctypes.c_int, handle, text, size, text, size,
				ctypes.POINTER(Analysis)),
			("stream_insert_n", handle, handle, text, size, text, size),
			("stream_insert_error", text, handle),
			("stream_append", ctypes.c_int, handle, text, size),
			("stream_done", handle, handle),
			("destroy_insert_stream", None, handle),
			("result_error", text, handle),
			("result_buffer", handle, handle),
			("result_length", size, handle),
			("destroy_query_result", None, handle)):
		function = getattr(library, "chdb_" + name)
		function.restype, function.argtypes = result, arguments
	return library


chdb = load()


class Connection:
	"""A session of its own, with what a profile sets."""

	def __init__(self, profile=()):
		words = [word.encode() for word in ["chdb", "--path=" + FOLDER,
			*("--" + setting for setting in profile)]]
		self.handle = chdb.chdb_connect(len(words), (ctypes.c_char_p * len(words))(*words))
		if not self.handle:
			raise SystemExit("today.py: the engine does not start in " + FOLDER)

	def __enter__(self):
		return self

	def __exit__(self, *_):
		chdb.chdb_close_conn(self.handle)

	def answer(self, result):
		"""The bytes of a result."""
		error = chdb.chdb_result_error(result)
		size = chdb.chdb_result_length(result)
		data = ctypes.string_at(chdb.chdb_result_buffer(result), size) if size and not error else b""
		chdb.chdb_destroy_query_result(result)
		if error:
			raise Refused(error.decode(errors="replace"))
		return data

	def ask(self, sql):
		form = b"TabSeparated"
		return self.answer(chdb.chdb_query_n(self.handle[0], sql, len(sql), form, len(form)))

	def insert(self, sql, form, data):
		stream = chdb.chdb_stream_insert_n(self.handle[0], sql, len(sql), form, len(form))
		try:
			error = chdb.chdb_stream_insert_error(stream)
			if error:
				raise Refused(error.decode(errors="replace"))
			chdb.chdb_stream_append(stream, data, len(data))
			return self.answer(chdb.chdb_stream_done(stream))
		finally:
			chdb.chdb_destroy_insert_stream(stream)

	def is_one(self, sql):
		"""The server takes one statement at a time; the library would run them all."""
		found = Analysis(ctypes.sizeof(Analysis))
		chdb.chdb_classify_query_n(self.handle[0], sql, len(sql), b"default", 7, ctypes.byref(found))
		return found.statements < 2


def quoted(text):
	return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def answer(user, words, body):
	"""What the statement in words and body answers."""
	settings = [f"{name} = {quoted(value)}" for name, value in words.items() if name not in NOT_SETTINGS]
	sql = words.get("query", "").encode()
	insert = re.fullmatch(rb"(?is)\s*(INSERT\s+INTO\s.*?)\s+FORMAT\s+(\w+)\s*", sql)
	with Connection(USERS[user][1]) as connection:
		if settings:
			connection.ask(("SET " + ", ".join(settings)).encode())
		if words.get("database"):
			connection.ask(b"USE `" + words["database"].replace("`", "\\`").encode() + b"`")
		if insert:
			return connection.insert(insert[1], insert[2], body)
		sql += b"\n" * bool(sql) + body
		if not connection.is_one(sql):
			raise Refused(f"Code: {SYNTAX_ERROR}. DB::Exception: Syntax error (Multi-statements are not"
				" allowed). (SYNTAX_ERROR)")
		return connection.ask(sql)


class Server(http.server.BaseHTTPRequestHandler):
	protocol_version = "HTTP/1.1"

	def body(self):
		if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
			data = b""
			while size := int(self.rfile.readline().split(b";")[0], 16):
				data += self.rfile.read(size)
				self.rfile.readline()
			self.rfile.readline()
		else:
			data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
		return gzip.decompress(data) if self.headers.get("Content-Encoding") == "gzip" else data

	def user(self):
		user = self.headers.get("X-ClickHouse-User")
		password = self.headers.get("X-ClickHouse-Key", "")
		login = self.headers.get("Authorization", "")
		if login.startswith("Basic "):
			user, _, password = base64.b64decode(login[6:]).decode().partition(":")
		user = user or "default"
		if user not in USERS or USERS[user][0] != password:
			raise Refused(f"Code: {AUTHENTICATION_FAILED}. DB::Exception: {user}: Authentication failed:"
				" password is incorrect, or there is no user with such name. (AUTHENTICATION_FAILED)")
		return user

	def do_POST(self):
		words = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query,
			keep_blank_values=True))
		body = self.body()
		try:
			said, status, code = answer(self.user(), words, body), 200, 0
		except Refused as refused:
			said, code = f"{refused.text} (version {VERSION})\n".encode(), refused.code
			status = next((status for status, codes in STATUS.items() if code in codes), 500)
		self.send(status, code, said, words.get("enable_http_compression") == "1")

	def do_GET(self):
		if urllib.parse.urlsplit(self.path).query:
			self.do_POST()
		else:
			self.send(200, 0, b"Ok.\n", False)

	def send(self, status, code, said, compress):
		self.send_response(status)
		if code:
			self.send_header("X-ClickHouse-Exception-Code", str(code))
		if compress and "gzip" in self.headers.get("Accept-Encoding", ""):
			said = gzip.compress(said, 1)
			self.send_header("Content-Encoding", "gzip")
		self.send_header("Content-Length", str(len(said)))
		self.end_headers()
		self.wfile.write(said)

	def log_message(self, *_):
		pass

	def handle(self):
		try:
			super().handle()
		except OSError:  # who asked was killed
			pass


def end(*_):
	threading.Thread(target=server.shutdown).start()


base = Connection()
VERSION = base.ask(b"SELECT version()").decode().strip()
server = http.server.ThreadingHTTPServer(("0.0.0.0", PORT), Server)
server.daemon_threads = False
signal.signal(signal.SIGTERM, end)
server.serve_forever()
server.server_close()
base.__exit__()
sys.stdout.flush()
os._exit(0)
