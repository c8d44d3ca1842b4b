"""Pages of --format html in a browser; each test's name is the sentence it proves."""
import json
import os
import unittest

from selenium.common.exceptions import NoAlertPresentException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from browser import PageTest
from page_tools import (
	DATABASES, READ_COLUMNS, READ_FAINTEST, READ_ROWS, ask, rows_of_json, words_of_report,
)

TOP = ("top-destinations", "--since", "3h")


class Page(PageTest):
	def show(self, database, *words, **how):
		return self.open(ask(database, *words, "--format", "html"), **how)

	def rows(self):
		return self.browser.run(READ_ROWS)

	def status(self):
		return self.browser.driver.find_element(By.CSS_SELECTOR, "[role=status]").text

	def text(self):
		return self.browser.driver.find_element(By.TAG_NAME, "body").text

	def press(self, *keys):
		ActionChains(self.browser.driver).send_keys(*keys).perform()

	def tab_to(self, script):
		"""Tab, until what has the focus is what the script wants to see as "here"."""
		for _ in range(60):
			self.press(Keys.TAB)
			if self.browser.run("const here = document.activeElement; return " + script):
				return
		self.fail("Tab does not get to where " + script)

	def test_every_report_holds_what_json_has(self):
		for report in json.loads(ask("seed", "reports", "--format", "json")):
			name = report["report"]
			database, options = words_of_report(name)
			with self.subTest(name):
				self.show(database, name, *options)
				want = ask(database, name, *options, "--format", "json")
				self.assertEqual(self.rows(), rows_of_json(want))
				if rows_of_json(want):
					names = list(json.loads(want)[0])
					self.assertEqual(self.browser.run(READ_COLUMNS), names)

	def test_sql_of_all_types_holds_what_json_has(self):
		select = (
			"SELECT 9007199254740993 AS id, 1.5 AS load, NULL AS missing, '' AS empty, '-' AS dash,"
			" x'00ff' AS bytes_read, 1536 AS tx_bytes, 1500 AS wait_us, 12.345 AS done_pct,"
			" 1769860800123456 AS begin_at, char(8238, 10, 60) AS odd, 7 AS seen_bar"
		)
		self.show("seed", "sql", select)
		want = rows_of_json(ask("seed", "sql", select, "--format", "json"))
		self.assertEqual(self.rows(), want)

	def test_an_empty_window_says_so(self):
		self.show("seed", "list", "--since", "2026-01-02", "--until", "2026-01-03")
		self.assertEqual(self.rows(), [])
		self.assertIn("No such connections in this window", self.text())
		self.assertIn("nothing was recorded before", self.text())
		self.assertEqual(self.status(), "0 rows")
		self.browser.keep_picture("empty")

	def test_one_row_is_one_row_and_the_limit_is_told(self):
		self.show("seed", "list", "--limit", "1")
		self.assertEqual(self.status(), "1 row")
		self.assertIn("--limit 0 asks for all", self.text())

	def test_a_history_of_gaps_tells_them_first(self):
		self.show("gaps", "top-destinations", "--since", "1h")
		note = self.browser.driver.find_element(By.CSS_SELECTOR, "header .notes").text
		self.assertIn("Connections may be missing: 2 gaps (disk_full, ring_full", note)
		self.browser.keep_picture("gaps_only")

	def test_a_process_called_script_is_shown_and_not_run(self):
		self.show("hostile", "list", "--limit", "0", "--since", "3h")
		with self.assertRaises(NoAlertPresentException):
			self.browser.driver.switch_to.alert.accept()
		for name in ("<script>alert(1)</script>", '"><img src=x onerror=alert(2)>',
			     "</table></script><!--&amp;"):
			self.assertIn(name, self.text())
		self.assertEqual(self.browser.run("return document.querySelectorAll('main script, img').length"), 0)
		self.browser.keep_picture("hostile")

	def test_a_filter_by_a_hostile_name_is_shown_and_not_run(self):
		self.show("hostile", "list", "--limit", "0", "--since", "3h", "--comm", "*img*")
		self.browser.run("document.querySelectorAll('table.rows tbody tr')[0].cells[5].click()")
		chip = self.browser.driver.find_element(By.CSS_SELECTOR, ".chip")
		self.assertIn("<img src=x", chip.text)
		self.assertEqual(self.browser.console(), [])

	def test_a_name_of_255_bytes_is_wrapped(self):
		self.show("hostile", "list", "--limit", "0", "--since", "3h")
		width, height = self.browser.run("""
			const cell = [...document.querySelectorAll("td")].find((td) => td.textContent.length === 255);
			return [cell.offsetWidth, cell.offsetHeight];
		""")
		self.assertLess(width, 640)
		self.assertGreater(height, 50)

	def test_text_from_right_to_left_leaves_its_neighbours_alone(self):
		self.show("hostile", "list", "--limit", "0", "--since", "3h")
		self.assertEqual(self.browser.run("""
			const cell = [...document.querySelectorAll("td")].find((td) => td.textContent.startsWith("\\u05de"));
			const style = getComputedStyle(cell);
			return [style.unicodeBidi, style.textAlign];
		"""), ["plaintext", "left"])

	def test_headings_sort_by_keyboard_and_tell_so(self):
		self.show("seed", *TOP)
		column = self.browser.run(READ_COLUMNS).index("tx_bytes")
		before = self.rows()
		numbers = lambda: [int(row[column]) for row in self.rows()]
		self.tab_to("here.closest('th')?.dataset.column === 'tx_bytes'")
		self.press(Keys.ENTER)
		self.assertEqual(numbers(), sorted(numbers(), reverse=True))
		self.assertEqual(self.browser.run("return document.activeElement.closest('th').ariaSort"), "descending")
		self.assertIn("sorted by tx_bytes, descending", self.status())
		self.press(Keys.SPACE)
		self.assertEqual(numbers(), sorted(numbers()))
		self.press(Keys.ENTER)
		self.assertEqual(self.rows(), before)

	def test_null_comes_last_either_way(self):
		self.show("seed", *TOP)
		column = self.browser.run(READ_COLUMNS).index("avg_connect_us")
		button = self.browser.driver.find_element(By.CSS_SELECTOR, "[data-column=avg_connect_us] button")
		for _ in range(2):
			button.click()
			values = [row[column] for row in self.rows()]
			self.assertIsNotNone(values[0])
			self.assertIsNone(values[-1])

	def test_cells_filter_by_keyboard(self):
		self.show("seed", *TOP)
		before = self.rows()
		self.tab_to("here.localName === 'td'")
		self.press(Keys.ARROW_DOWN, Keys.ARROW_RIGHT, Keys.ARROW_DOWN)
		port = self.browser.run("return document.activeElement.textContent")
		want = [row for row in before if row[1] == port]
		self.press(Keys.ENTER)
		self.assertEqual(self.rows(), want)
		self.assertEqual(self.status(), f"{len(want)} of {len(before)} rows")
		self.browser.keep_picture("filtered")
		self.press(Keys.ENTER)
		self.assertEqual(self.rows(), before)

	def test_a_number_tells_how_much_it_is_exactly(self):
		self.show("seed", *TOP)
		cell = self.browser.driver.find_element(By.XPATH, "//td[.='5.0G']")
		ActionChains(self.browser.driver).move_to_element(cell).perform()
		self.assertEqual(cell.get_attribute("title"), "5,368,712,269 bytes")
		self.tab_to("here.type === 'checkbox'")
		self.press(Keys.SPACE)
		self.assertEqual(self.browser.run(
			"return getComputedStyle(arguments[0], '::before').content", cell), '"5368712269"')

	def test_numbers_of_64_bits_stay_exact(self):
		sizes = [9007199254740992, 9007199254740993, 9223372036854775807, -5, 1.5]
		self.show("seed", "sql", f"SELECT value AS tx_bytes FROM json_each('{json.dumps(sizes)}')")
		cell = self.browser.driver.find_elements(By.CSS_SELECTOR, "tbody td")[1]
		ActionChains(self.browser.driver).move_to_element(cell).perform()
		self.assertEqual(cell.get_attribute("title"), "9,007,199,254,740,993 bytes")
		self.browser.driver.find_element(By.CSS_SELECTOR, "thead button").click()
		self.assertEqual(
			[row[0] for row in self.rows()],
			["9223372036854775807", "9007199254740993", "9007199254740992", "1.5", "-5"])

	def test_a_click_on_a_cell_filters_and_one_on_the_chip_undoes_it(self):
		self.show("seed", *TOP)
		before = self.rows()
		self.browser.driver.find_element(By.XPATH, "//td[.='192.0.2.7']").click()
		self.assertEqual(self.rows(), [row for row in before if row[0] == "192.0.2.7"])
		self.browser.driver.find_element(By.CSS_SELECTOR, ".chip").click()
		self.assertEqual(self.rows(), before)

	def test_words_find_rows(self):
		self.show("seed", *TOP)
		self.tab_to("here.type === 'search'")
		self.press("CURL 22")
		self.assertTrue(self.rows())
		for row in self.rows():
			self.assertIn("curl", row[-2])

	def test_a_long_table_shows_its_first_rows_and_more_when_asked(self):
		select = (
			"WITH RECURSIVE s(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM s WHERE n < 1200)"
			" SELECT n, n * 1000 AS tx_bytes FROM s"
		)
		self.show("seed", "sql", select)
		self.assertEqual(len(self.rows()), 500)
		self.assertEqual(self.status(), "1,200 rows, the first 500 shown")
		self.browser.driver.find_element(By.XPATH, "//button[.='500 more rows']").click()
		self.assertEqual(len(self.rows()), 1000)
		self.browser.driver.find_element(By.XPATH, "//button[.='All rows']").click()
		self.assertEqual(self.rows(), rows_of_json(ask("seed", "sql", select, "--format", "json")))

	def test_more_rows_than_a_browser_bears_are_cut_and_told(self):
		select = (
			"WITH RECURSIVE s(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM s WHERE n < 100001)"
			" SELECT n FROM s"
		)
		self.show("seed", "sql", select)
		self.assertIn("100,000 rows, the first 500 shown", self.status())
		self.assertIn("Of 100001 rows the page has the first 100000 rows only", self.text())

	def test_text_stands_out_in_both_themes_and_in_print(self):
		for theme, medium in (("light", ""), ("dark", ""), ("dark", "print")):
			self.show("many", "list", "--limit", "0", "--since", "30d", theme=theme, medium=medium)
			contrast, text = self.browser.run(READ_FAINTEST)
			self.assertGreaterEqual(contrast, 4.5, f"{text} in {theme} {medium}")
			self.browser.keep_picture("list_" + (medium or theme))
			self.show("many", "timeline", "--since", "3h", theme=theme, medium=medium)
			self.browser.keep_picture("timeline_" + (medium or theme))

	def test_a_button_changes_the_theme(self):
		self.show("seed", *TOP)
		color = lambda: self.browser.run("return getComputedStyle(document.body).backgroundColor")
		light = color()
		self.tab_to("here.className === 'theme'")
		self.press(Keys.ENTER)
		dark = color()
		self.assertNotEqual(light, dark)
		self.press(Keys.ENTER)
		self.assertEqual(color(), light)
		self.press(Keys.ENTER)
		self.browser.look("dark", "print")
		self.assertEqual(color(), "rgb(255, 255, 255)")

	def test_a_reader_is_told_the_table_and_its_headings(self):
		self.show("seed", *TOP)
		nodes = self.browser.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
		names = {}
		for node in nodes:
			role = node.get("role", {}).get("value")
			names.setdefault(role, []).append(node.get("name", {}).get("value"))
		self.assertEqual(names["grid"], ["Whom this node calls most"])
		self.assertEqual(len(names["columnheader"]), len(self.browser.run(READ_COLUMNS)))
		self.assertIn("11 rows", self.status() if "status" in names else "")
		self.assertEqual(self.browser.run("return document.documentElement.lang"), "en")
		self.assertTrue(all(names["button"]))

	def test_no_script_but_ours_runs_and_nothing_is_loaded(self):
		self.show("seed", *TOP)
		self.assertIsNone(self.browser.run("""
			const script = document.createElement("script");
			script.textContent = "window.strange = 1";
			document.body.append(script);
			new Image().src = "http://127.0.0.1:9/x";
			return window.strange ?? null;
		"""))
		self.assertEqual(self.browser.refusals(), ["csp"])
		self.assertIn("script-src", " ".join(self.browser.console()))

	def test_without_its_script_the_table_is_whole(self):
		self.browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
		try:
			self.show("seed", *TOP)
			self.assertIn("10.0.1.10", self.text())
			self.browser.keep_picture("no_script")
		finally:
			self.browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})

	def test_the_page_tells_window_zone_and_command(self):
		self.show("seed", "list", "--since", "1h", "--comm", "it's")
		self.assertIn("2026-01-31 12:00:00 to 13:00:00 CET (UTC+0100)", self.text())
		self.assertIn("connmon-query list --since 1h --comm 'it'\\''s'", self.text())


if __name__ == "__main__":
	for path in DATABASES.values():
		assert os.path.exists(path), path
	unittest.main()
