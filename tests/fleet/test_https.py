#!/usr/bin/env python3
"""Over https: with ClickHouse's own port for it, both programs trust whom they are told to. Of a
certificate that is not to be trusted they say so in one sentence, and who shows it gets not one byte.

   clickhouse.sh with 1 test_https.py"""
import os
import socket
import ssl
import subprocess
import threading
import time

import history
from history import ask
from reports import MANY, QUERY, rows

FORWARD, SERVER = os.environ["CONNMON_FORWARD"], os.environ["FLEET_CLICKHOUSE"]
FOLDER = os.environ["FLEET_FOLDER"]
TLS = FOLDER + "/tls"
PORT = 8443
DATABASE = "/?database=connmon"
NODE = "b" * 32
REPORT = ["top-destinations", "--since", "30d", "--format", "csv", "--quiet"]


def openssl(*words):
	subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=TLS)


def authority(name):
	openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=" + name,
		"-keyout", name + ".key", "-out", name + ".crt")


def certificate(name, signer, host, days="2"):
	openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=" + name, "-keyout", name + ".key",
		"-out", name + ".csr")
	with open(f"{TLS}/{name}.ext", "w") as file:
		file.write("subjectAltName=" + host)
	openssl("x509", "-req", "-in", name + ".csr", "-CA", signer + ".crt", "-CAkey", signer + ".key",
		"-CAcreateserial", "-days", days, "-extfile", name + ".ext", "-out", name + ".crt")


def make_certificates():
	os.mkdir(TLS)
	authority("ours")
	authority("another")
	certificate("good", "ours", "IP:127.0.0.1,DNS:localhost")
	certificate("elsewhere", "ours", "DNS:elsewhere.example")
	certificate("over", "ours", "IP:127.0.0.1", "-1")
	certificate("strange", "another", "IP:127.0.0.1")
	with open(TLS + "/garbage.crt", "w") as file:
		file.write("this is none\n")


def listen_with_tls():
	"""The server itself."""
	path = FOLDER + "/1/config.xml"
	with open(path) as file:
		config = file.read()
	with open(path, "w") as file:
		file.write(config.replace("</yandex>", f"""<https_port>{PORT}</https_port>
			<openSSL><server><certificateFile>{TLS}/good.crt</certificateFile>
			<privateKeyFile>{TLS}/good.key</privateKeyFile>
			<verificationMode>none</verificationMode></server></openSSL></yandex>"""))
	subprocess.run([SERVER, "stop", "1"], check=True)
	subprocess.run([SERVER, "start", "1"], check=True)


class Pretender:
	"""Listens with a certificate, and notes what it is told once it is trusted."""

	def __init__(self, name):
		context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
		context.load_cert_chain(f"{TLS}/{name}.crt", f"{TLS}/{name}.key")
		self.context, self.calls, self.told = context, 0, b""
		self.socket = socket.create_server(("127.0.0.1", 0))
		self.port = self.socket.getsockname()[1]
		threading.Thread(target=self.listen, daemon=True).start()

	def listen(self):
		while True:
			plain, _ = self.socket.accept()
			self.calls += 1
			plain.settimeout(5)
			try:
				with self.context.wrap_socket(plain, server_side=True) as trusted:
					self.told += trusted.recv(65536)
			except OSError:
				plain.close()


def forward(url, *more):
	words = [FORWARD, "--db", MANY, "--to", url, "--node", NODE, "--node-name", "db-1", "--state",
		FOLDER + "/state", *more]
	return words


def one_sentence(what, told, wanted):
	lines = told.splitlines()
	assert len(lines) == 1 and wanted in lines[0], (what, told)
	print(f"ok: {what}: {lines[0]}", flush=True)


def forward_says(what, url, wanted, *more):
	"""It waits for it to be mended, as for whatever is wrong with a server."""
	log = FOLDER + "/log"
	with open(log, "w") as file:
		process = subprocess.Popen(forward(url, *more), stdout=file, stderr=file)
	end = time.monotonic() + 60
	while not os.path.getsize(log) and process.poll() is None and time.monotonic() < end:
		time.sleep(0.02)
	process.terminate()
	process.wait()
	with open(log) as file:
		one_sentence(what + ", connmon-forward", "\n".join(
			line for line in file.read().splitlines() if " sent " not in line), wanted)


def query(url, **more):
	return subprocess.run([QUERY, *REPORT, "--node", NODE, "--fleet", url], capture_output=True,
		env=dict(os.environ, **more), check=False, timeout=60)


def query_says(what, url, wanted, **more):
	done = query(url, **more)
	assert done.returncode == 1 and not done.stdout, (what, done)
	one_sentence(what + ", connmon-query", done.stderr.decode(), wanted)


def refused(what, name, ca, wanted="certificate"):
	pretender = Pretender(name)
	url = f"https://writer:secret@127.0.0.1:{pretender.port}{DATABASE}"
	forward_says(what, url, wanted, *(["--ca", ca] if ca else []))
	query_says(what, url, wanted, **({"CONNMON_FLEET_CA": ca} if ca else {}))
	assert pretender.calls >= 2, (what, "was not asked")
	assert pretender.told == b"", (what, pretender.told)


def trusted(url):
	"""All rows once, and the report of the node's file."""
	ca = TLS + "/ours.crt"
	subprocess.run(forward(url, "--once"), check=True, env=dict(os.environ, CONNMON_FORWARD_CA=ca))
	subprocess.run(forward(url, "--once", "--ca", ca), check=True)
	here = subprocess.run([QUERY, *REPORT], capture_output=True, check=True,
		env=dict(os.environ, CONNMON_DB=MANY))
	there = query(url, CONNMON_FLEET_CA=ca)
	assert there.returncode == 0 and rows(here.stdout) and rows(here.stdout) == rows(there.stdout), there
	print(f"ok: {len(rows(here.stdout)) - 1} rows of a report over {url}")


def main():
	make_certificates()
	subprocess.run([FORWARD, "--init", "--to", history.DATABASE], check=True)
	ours = TLS + "/ours.crt"
	refused("signed by nobody that the system knows", "good", None)
	refused("signed by another", "strange", ours)
	refused("of another host", "elsewhere", ours)
	refused("over since yesterday", "over", ours)
	refused("a file of no certificates", "good", TLS + "/garbage.crt", "certificates")
	refused("no such file", "good", TLS + "/nowhere.crt", "certificates")
	listen_with_tls()
	url = f"https://127.0.0.1:{PORT}{DATABASE}"
	forward_says("the server, not known", url, "certificate")
	query_says("the server, not known", url, "certificate")
	assert ask("SELECT count() FROM connections", url=history.DATABASE) == b"0\n"
	trusted(url)
	assert ask("SELECT count(), uniqExact(id) FROM connections", url=history.DATABASE) == b"425\t425\n"
	plain = f"http://127.0.0.1:{PORT}{DATABASE}"
	forward_says("no https there but it is", plain, "127.0.0.1")
	query_says("no https there but it is", plain, "127.0.0.1")


main()
