"""The page of connmon-query story in a browser; each test's name is the sentence it proves."""
import json
import os
import unittest

from selenium.common.exceptions import NoAlertPresentException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from browser import PageTest
from page_tools import READ_FAINTEST, ask, rows_of_json

WINDOW = ("--since", "2026-01-30T12:00:00Z", "--until", "2026-01-31T12:00:00Z")
LIMIT = ("--limit", "12")

# The report that has the numbers of a part of the page.
REPORTS = {
	"connections": ("timeline", "--every", "15m"),
	"bytes": ("timeline", "--every", "15m"),
	"programs": ("top-processes", "--by", "comm", *LIMIT),
	"destinations": ("top-destinations", *LIMIT),
	"containers": ("top-containers", *LIMIT),
	"clients": ("top-clients", "--by", "peer_addr", *LIMIT),
	"failures": ("failures", *LIMIT),
	"new": ("new-destinations", *LIMIT),
	"long": ("long-lived", *LIMIT),
	"open": ("open", *LIMIT),
	"gaps": ("gaps",),
}

READ_TABLE = """
	const table = document.querySelector(`#${arguments[0]} table.rows`);
	return [...table.tBodies[0].rows].map((row) => [...row.cells].map((cell) =>
		cell.dataset.v === "" ? null : cell.dataset.v ?? cell.textContent));
"""
READ_BARS = """
	return [...document.querySelectorAll(`#${arguments[0]} .bar-row:not(.off)`)].map((bar) =>
		[bar.querySelector(".name").textContent, bar.querySelector(".value").textContent]);
"""
# What is drawn beyond the edge of its picture.
READ_OUTSIDE = """
	const found = [];
	for (const svg of document.querySelectorAll("figure svg")) {
		const box = svg.getBoundingClientRect();
		for (const element of svg.querySelectorAll("rect, path, text")) {
			const own = element.getBoundingClientRect();
			if (own.width && (own.left < box.left - 1 || own.right > box.right + 1
					|| own.top < box.top - 1 || own.bottom > box.bottom + 1))
				found.push(element.outerHTML.slice(0, 200));
		}
	}
	return found;
"""


class Story(PageTest):
	def show(self, database, *words, **how):
		"""Opens the story, which draws nothing outside."""
		self.open(ask(database, "story", *words), **how)
		self.assertEqual(self.browser.run(READ_OUTSIDE), [])

	def find(self, selector):
		return self.browser.driver.find_element(By.CSS_SELECTOR, selector)

	def content(self, selector):
		return self.browser.run("return document.querySelector(arguments[0]).textContent", selector)

	def dimmed(self, selector):
		return self.browser.run(
			"return document.querySelectorAll(arguments[0] + '.off').length", selector)

	def press(self, *keys):
		ActionChains(self.browser.driver).send_keys(*keys).perform()

	def test_its_numbers_are_those_of_the_reports(self):
		for filters in ((), ("--comm", "curl"), ("--no-loopback", "--direction", "out")):
			self.show("seed", *WINDOW, *filters)
			for part, question in REPORTS.items():
				with self.subTest(part, filters=filters):
					own = filters if part != "gaps" else ()
					want = rows_of_json(ask("seed", *question, *WINDOW, *own, "--format", "json"))
					if not want:
						self.assertNotIn("<table", self.browser.run(
							"return document.getElementById(arguments[0])?.innerHTML ?? ''", part))
						continue
					self.assertEqual(self.browser.run(READ_TABLE, part), want)

	def test_names_stand_for_addresses_when_asked_for(self):
		self.show("seed", *WINDOW, "--resolve")
		want = json.loads(ask("seed", "top-destinations", "--resolve", *WINDOW, "--format", "json"))
		# One of them is hostile, and is shown escaped.
		names = [row["peer_name"] for row in want
			 if row["peer_name"] and row["peer_name"].isprintable()]
		self.assertIn("api.example.com", names)
		bars = self.browser.run(READ_BARS, "destinations")
		for name in names:
			self.assertIn(name, [bar.rsplit(":", 1)[0] for bar, _ in bars])
			self.assertIn(name, self.content("#map svg"))
		self.assertNotIn("\u202e", self.content("main"))

	def test_its_sums_are_those_of_the_summary(self):
		self.show("seed", *WINDOW)
		all_of_it = json.loads(ask("seed", "summary", *WINDOW, "--format", "json"))[0]
		tiles = self.browser.run(
			"return [...document.querySelectorAll('.tiles b')].map((b) => Number(b.dataset.v))")
		self.assertEqual(tiles[:4], [all_of_it[name] for name in
			("connections", "failed", "tx_bytes", "rx_bytes")])

	def test_the_map_has_every_connection_once(self):
		self.show("seed", *WINDOW)
		links = self.browser.run("""
			return [...document.querySelectorAll(".ties tbody tr")].map((row) =>
				[...row.cells].slice(2).map((cell) => Number(cell.textContent)));
		""")
		edges = json.loads(ask("seed", "map", *WINDOW, "--limit", "0", "--format", "json"))
		for i, name in enumerate(("connections", "failed", "tx_bytes", "rx_bytes")):
			self.assertEqual(sum(link[i] for link in links), sum(edge[name] for edge in edges))

	def test_failures_over_time_add_up(self):
		self.show("seed", *WINDOW)
		failed = json.loads(ask("seed", "failures", "--limit", "0", *WINDOW, "--format", "json"))
		want = {}
		for row in failed:
			want[row["outcome"]] = want.get(row["outcome"], 0) + row["failed"]
		self.assertEqual({name: int(n) for name, n in self.browser.run(READ_BARS, "failed")}, want)
		rows = self.browser.run(READ_TABLE, "failed")
		self.assertEqual(sum(int(row[2]) for row in rows), sum(want.values()))

	def test_connect_times_add_up_to_the_connections_that_have_one(self):
		self.show("seed", *WINDOW)
		times = json.loads(ask("seed", "sql", """
			SELECT count(connect_us) AS n, CAST(percentile(connect_us, 50) AS INTEGER) AS p50,
			       CAST(percentile(connect_us, 99) AS INTEGER) AS p99
			  FROM connections WHERE direction = 'out' AND id >= 1769774400000000""",
			"--format", "json"))[0]
		row = self.browser.run(READ_TABLE, "connect-times")[0]
		self.assertEqual([int(row[0]), int(row[1]), int(row[3])],
			[times["n"], times["p50"], times["p99"]])
		self.assertEqual(sum(int(step.split()[2]) for step in row[5].split(",")), times["n"])
		columns = self.browser.run("""
			return [...document.querySelectorAll("#connect-times .column title")].map((title) =>
				Number(title.textContent.match(/: (\\d+) /)[1]));
		""")
		self.assertEqual(sum(columns), times["n"])

	def test_a_click_on_a_program_dims_what_is_not_of_it_and_escape_ends_that(self):
		self.show("seed", *WINDOW)
		self.find("#programs [data-text=sshd]").click()
		self.assertIn("Only what is of sshd", self.find(".only").text)
		self.assertEqual(self.browser.run(READ_BARS, "programs"), [["sshd", "2"]])
		self.assertEqual(self.browser.run(READ_BARS, "destinations"), [])
		self.assertEqual(self.browser.run(READ_BARS, "clients"), [["10.0.1.99", "2"]])
		comms = self.browser.run("""
			return [...document.querySelectorAll("#long tbody tr:not(.off)")].map((row) =>
				row.cells[4].textContent);
		""")
		self.assertEqual(set(comms), {"sshd"})
		self.assertGreater(self.dimmed("#map .link"), 5)
		self.browser.keep_picture("story_filtered")
		self.press(Keys.ESCAPE)
		self.assertEqual(self.dimmed("*"), 0)
		self.assertFalse(self.find(".only").is_displayed())

	def test_rows_that_were_not_shown_when_escape_was_pressed_come_back_undimmed(self):
		self.show("seed", *WINDOW)
		search = """
			const input = document.querySelector("#long input[type=search]");
			input.value = arguments[0];
			input.dispatchEvent(new Event("input"));
			return input.closest(".table").querySelectorAll("tbody tr").length;
		"""
		before = self.browser.run(search, "")
		self.find("#programs [data-text=sshd]").click()
		self.assertLess(self.browser.run(search, "sshd"), before)
		self.press(Keys.ESCAPE)
		self.assertEqual(self.browser.run(search, ""), before)
		self.assertEqual(self.dimmed("*"), 0)

	def test_a_destination_shows_its_programs_and_rows_and_a_second_click_all(self):
		self.show("seed", *WINDOW)
		bar = self.find("#destinations [data-text='192.0.2.7']")
		bar.click()
		self.assertEqual(self.browser.run(READ_BARS, "programs"), [["curl", "15"], ["na\u00efve", "1"]])
		rows = self.browser.run("""
			return [...document.querySelectorAll("#failures tbody tr:not(.off)")].map((row) =>
				row.cells[0].textContent);
		""")
		self.assertEqual(rows, ["192.0.2.7"])
		bar.click()
		self.assertEqual(self.dimmed("*"), 0)

	def test_the_map_is_worked_by_keys(self):
		self.show("seed", *WINDOW)
		self.browser.run("document.querySelector('#map .node[data-key=p0]').focus()")
		self.assertIn("curl: ", self.content("#map .readout"))
		self.press(Keys.ENTER)
		self.assertIn("Only what is of curl", self.find(".only").text)
		self.assertEqual(self.find("#programs [data-key=p0]").get_attribute("aria-pressed"), "true")

	def test_what_is_pointed_at_is_told_beneath_and_arrows_go_from_column_to_column(self):
		self.show("seed", *WINDOW)
		svg = self.find("#connections svg[role=img]")
		self.browser.run("arguments[0].focus()", svg)
		self.press(Keys.END)
		self.assertRegex(self.content("#connections .readout"),
			r"2026-01-31 12:45:00 to 2026-01-31 13:00:00: 16 connections, 1 reset")
		self.press(Keys.ARROW_LEFT)
		self.assertIn("12:30:00 to", self.content("#connections .readout"))
		ActionChains(self.browser.driver).move_to_element(
			self.find("#programs .bar-row")).perform()
		self.assertIn("curl: 15 connections, 5 failed", self.content("#programs .readout"))

	def test_gaps_are_in_every_chart_over_time(self):
		self.show("gaps", "--since", "1h")
		for chart in ("connections", "bytes"):
			titles = self.browser.run("""
				return [...document.querySelectorAll(`#${arguments[0]} .gap title`)].map((title) =>
					title.textContent);
			""", chart)
			self.assertEqual(titles, [
				"2026-01-31 12:43:20 to 2026-01-31 12:43:21: gap: ring_full, 12 lost",
				"2026-01-31 12:51:40 to 2026-01-31 12:51:41: gap: disk_full, 3 lost"])
		self.assertIn("There are no such connections in this window", self.content("main"))
		self.browser.keep_picture("story_gaps_only")
		self.show("seed", *WINDOW)
		for chart in ("connections", "bytes", "failed", "long", "open"):
			self.assertEqual(self.browser.run(
				"return document.querySelectorAll(`#${arguments[0]} .gap`).length", chart), 2)

	def test_an_empty_window_and_one_row_look_right(self):
		self.show("seed", "--since", "2026-01-02", "--until", "2026-01-03")
		self.assertIn("There are no such connections in this window", self.content("main"))
		self.assertIn("nothing was recorded yet", self.content("#connections .gap title"))
		self.browser.keep_picture("story_empty")
		self.show("seed", *WINDOW, "--port", "5432")
		self.assertEqual(self.browser.run(READ_BARS, "programs"), [["unknown", "1"]])
		self.browser.keep_picture("story_one")
		self.show("seed", "--since", "now")

	def test_hostile_long_and_right_to_left_names_are_shown_and_not_run(self):
		self.show("hostile", *WINDOW)
		with self.assertRaises(NoAlertPresentException):
			self.browser.driver.switch_to.alert.accept()
		names = [name for name, _ in self.browser.run(READ_BARS, "programs")]
		for name in ("<script>alert(1)</script>", '"><img src=x onerror=alert(2)>',
			     "</table></script><!--&amp;", "\u05de\u05ea\u05e2\u05d3 \u05d7\u05d9\u05d1\u05d5\u05e8\u05d9\u05dd 42"):
			self.assertIn(name, names)
			self.assertIn(f"\u2068{name}"[:28], self.content("#map svg"))
		self.assertIn(255, [len(name) for name in names])
		self.assertEqual(
			self.browser.run("return document.querySelectorAll('main script, img').length"), 0)
		self.find("#programs .bar-row").click()
		self.assertIn("Only what is of <script>alert(1)</script>", self.find(".only").text)
		self.assertEqual(self.browser.console(), [])
		self.assertLessEqual(self.browser.run("return document.body.scrollWidth"), 1280)
		self.browser.keep_picture("story_hostile")

	def test_all_text_can_be_read_in_both_themes_and_in_print(self):
		for theme, medium in (("light", ""), ("dark", ""), ("dark", "print")):
			with self.subTest(theme=theme, medium=medium):
				self.show("seed", *WINDOW, theme=theme, medium=medium)
				contrast, text = self.browser.run(READ_FAINTEST)
				self.assertGreaterEqual(contrast, 4.5, text)
				self.browser.keep_picture(f"story_{medium or theme}")

	def test_each_chart_is_told_to_who_does_not_see_it(self):
		self.show("seed", *WINDOW)
		labels = self.browser.run("""
			return [...document.querySelectorAll("figure")].map((figure) =>
				[figure.id, figure.querySelector("[aria-label]")?.getAttribute("aria-label") ?? "",
				 figure.querySelectorAll("details table").length]);
		""")
		self.assertEqual(len(labels), 11)
		for chart, label, tables in labels:
			self.assertGreater(len(label), 15, chart)
			self.assertEqual(tables, 1, chart)

	def test_it_is_whole_without_scripts(self):
		self.browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
		try:
			path = os.path.join(self.folder.name, "story.html")
			with open(path, "w", encoding="utf-8") as file:
				file.write(ask("seed", "story", *WINDOW))
			self.browser.open(path)
			self.assertIn("curl", self.find("#programs").text)
			self.assertGreater(self.find("#map svg").size["height"], 300)
			self.browser.keep_picture("story_without_scripts")
		finally:
			self.browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


if __name__ == "__main__":
	unittest.main()
