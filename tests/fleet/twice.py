#!/usr/bin/env python3
"""A way to a server on which each answer to an INSERT of connections gets lost once, and of each other
table the first answer: the server has the rows, who sent them does not know, and must send
them again.

   twice.py PORT SERVER_PORT LOG

LOG gets a line for each INSERT of connections: "sent" or "resent", its SHA-256, bytes on the wire, rows."""
import collections
import hashlib
import http.server
import re
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
import zlib

PORT, SERVER_PORT, LOG = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
seen = collections.Counter()
others = collections.Counter()
lock = threading.Lock()


class Way(http.server.BaseHTTPRequestHandler):
	protocol_version = "HTTP/1.1"

	def body(self):
		if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
			return self.rfile.read(int(self.headers.get("Content-Length", 0)))
		parts = b""
		while size := int(self.rfile.readline().split(b";")[0], 16):
			parts += self.rfile.read(size)
			self.rfile.readline()
		self.rfile.readline()
		return parts

	def note(self, body, text):
		digest = hashlib.sha256(self.path.encode() + body).hexdigest()
		with lock:
			seen[digest] += 1
			with open(LOG, "a") as log:
				print("resent" if seen[digest] > 1 else "sent", digest, len(body),
					text.count(b"\n"), file=log)
		return seen[digest] == 1

	def pass_on(self):
		body = self.body()
		text = zlib.decompress(body, 31) if body[:2] == b"\x1f\x8b" else body
		into = re.search(r"INSERT INTO (\w+)", urllib.parse.unquote_plus(self.path))
		if not into:
			lost = False
		elif into[1] == "connections":
			lost = self.note(body, text)
		else:
			with lock:
				others[into[1]] += 1
			lost = others[into[1]] == 1
		kept = {name: value for name, value in self.headers.items() if name.lower() not in
			("host", "connection", "transfer-encoding", "content-length", "expect")}
		request = urllib.request.Request(f"http://127.0.0.1:{SERVER_PORT}{self.path}",
			body if self.command == "POST" else None, kept, method=self.command)
		try:
			with urllib.request.urlopen(request, timeout=30) as answer:
				status, said, headers = answer.status, answer.read(), answer.headers
		except urllib.error.HTTPError as error:
			status, said, headers, lost = error.code, error.read(), error.headers, False
		except OSError:
			lost = True
		if lost:
			self.close_connection = True
			self.connection.close()
			return
		self.send_response(status)
		for name in headers:
			if name.lower().startswith("x-clickhouse") or name.lower() in ("content-type",
					"content-encoding"):
				self.send_header(name, headers[name])
		self.send_header("Content-Length", str(len(said)))
		self.end_headers()
		self.wfile.write(said)

	do_GET = do_POST = pass_on

	def log_message(self, *_):
		pass

	def handle(self):
		try:
			super().handle()
		except OSError:  # who sends was killed
			pass


http.server.ThreadingHTTPServer(("0.0.0.0", PORT), Way).serve_forever()
