"""The collector under test: started, ended, and what it takes."""
import glob
import os
import re
import signal
import subprocess
import time

PATIENCE_S = 120


class Cgroup:
	"""One of its own, if the memory controller can be had: for the most it ever took."""

	def __init__(self):
		self.path = None
		name = f"connmon-soak-{os.getpid()}"
		for root, peak in (
			("/sys/fs/cgroup/memory", "memory.max_usage_in_bytes"),
			("/sys/fs/cgroup", "memory.peak"),
		):
			try:
				os.mkdir(f"{root}/{name}")
			except OSError:
				continue
			self.path, self.peak_file = f"{root}/{name}", f"{root}/{name}/{peak}"
			if os.path.exists(self.peak_file):
				return
			self.remove()

	def run(self, argv):
		"""What starts it in there."""
		if not self.path:
			return argv
		enter = 'echo $$ > "$0"/cgroup.procs && exec "$@"'
		return ["sh", "-c", enter, self.path, *argv]

	def peak(self):
		if not self.path:
			return None
		with open(self.peak_file) as peak:
			return int(peak.read())

	def remove(self):
		if self.path:
			os.rmdir(self.path)
		self.path = None


class Collector:
	def __init__(self, program, folder, options):
		self.db = folder + "/connmon.db"
		self.err_path = folder + "/err"
		self.metrics_path = folder + "/connmon.prom"
		self.argv = [program, "--db", self.db, "--metrics", self.metrics_path, *options]
		self.cgroup = Cgroup()
		self.process = None
		self.ages = []  # of each run: [(age in seconds, anonymous bytes)]
		self.starts_s = []
		self.runs = 0
		self.err = open(self.err_path, "ab")

	def start(self):
		begin_s = time.monotonic()
		at = os.path.getsize(self.err_path)
		self.runs += 1
		self.process = subprocess.Popen(
			self.cgroup.run(self.argv), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
			stderr=self.err, process_group=0,
		)
		while b"connmon-collect: ready" not in self.said(at):
			if self.process.poll() is not None or time.monotonic() > begin_s + PATIENCE_S:
				raise RuntimeError("the collector did not start: " + self.said(at).decode())
			time.sleep(0.05)
		self.ages.append([])
		self.begin_s = time.monotonic()
		self.starts_s.append(self.begin_s - begin_s)

	def end(self, number):
		self.process.send_signal(number)
		code = self.process.wait(PATIENCE_S)
		self.process = None
		if code != (0 if number == signal.SIGTERM else -number):
			raise RuntimeError(f"the collector ended with {code} after signal {number}")

	def clean(self):
		if self.process and self.process.poll() is None:
			self.process.kill()
			self.process.wait()
		self.err.close()
		for _ in range(100):  # a cgroup is empty a little after its last process ended
			try:
				self.cgroup.remove()
				return
			except OSError:
				time.sleep(0.05)

	def said(self, at=0):
		with open(self.err_path, "rb") as err:
			err.seek(at)
			return err.read()

	# ---- what it takes ----

	def memory(self):
		"""Bytes: resident, and of these its own (not files, nor the ring)."""
		if self.process.poll() is not None:
			raise RuntimeError(f"the collector is gone, with {self.process.returncode}")
		with open(f"/proc/{self.process.pid}/status") as status:
			kib = dict(re.findall(r"^(VmRSS|RssAnon):\s+(\d+)", status.read(), re.M))
		rss, anon = int(kib["VmRSS"]) << 10, int(kib["RssAnon"]) << 10
		self.ages[-1].append((time.monotonic() - self.begin_s, anon))
		return rss, anon

	def growth(self):
		"""Bytes: the most that a run grew from a third of its life on."""
		most = 0
		for run in self.ages:
			later = [anon for age, anon in run if age >= run[-1][0] / 3]
			most = max(most, later[-1] - later[0]) if later else most
		return most

	def sizes(self):
		"""Bytes of the database, its WAL, its shm, and files that were set aside."""
		def size(path):
			try:
				return os.path.getsize(path)
			except FileNotFoundError:
				return 0
		aside = sum(size(path) for path in glob.glob(self.db + ".*") if ".lock" not in path)
		return size(self.db), size(self.db + "-wal"), size(self.db + "-shm"), aside

	def commits(self):
		"""Of this run, as of its last metrics: how many, their mean, and the longest's bound, s."""
		try:
			with open(self.metrics_path) as metrics:
				text = metrics.read()
		except FileNotFoundError:
			return 0, 0.0, "-"
		name = "connmon_commit_duration_seconds"
		buckets = re.findall(name + r'_bucket\{le="(.*?)"\} (\d+)', text)
		n = int(re.search(name + r"_count (\d+)", text)[1])
		total_s = float(re.search(name + r"_sum (\S+)", text)[1])
		bound = next((le for le, below in buckets if int(below) == n), "-")
		return n, total_s / n if n else 0.0, bound
