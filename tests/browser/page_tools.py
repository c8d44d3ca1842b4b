"""Pages made by connmon-query, and what is read from them."""
import json
import os
import shlex
import subprocess

QUERY = os.environ["CONNMON_QUERY"]
GOLDEN = os.environ["CONNMON_GOLDEN"]
SEEDS = os.environ["CONNMON_SEEDS"]
DATABASES = {
	"seed": SEEDS + "/golden/seed.db",
	"many": SEEDS + "/golden/many.db",
	"hostile": SEEDS + "/browser/hostile.db",
	"gaps": SEEDS + "/browser/gaps.db",
}

# What each cell of the first table holds exactly, row by row; NULL is null.
READ_ROWS = """
	return [...document.querySelectorAll("table.rows")[0].tBodies[0].rows].map((row) =>
		[...row.cells].map((cell) =>
			cell.dataset.v === "" ? null : cell.dataset.v ?? cell.textContent));
"""
READ_COLUMNS = """
	return [...document.querySelectorAll("table.rows")[0].tHead.rows[0].cells].map((head) =>
		head.dataset.column);
"""

# Of each text that is seen, how it stands out from what is behind it, as WCAG 2 counts it.
READ_FAINTEST = """
	const channels = (color) => color.match(/[\\d.]+/g).map(Number);
	const luminance = (color) => {
		const [r, g, b] = channels(color).slice(0, 3).map((c) => c / 255).map((c) =>
			c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const behind = (element) => {
		for (; element; element = element.parentElement) {
			const color = getComputedStyle(element).backgroundColor;
			if ((channels(color)[3] ?? 1) > 0)
				return color;
		}
		return "rgb(255, 255, 255)";
	};
	let faintest = [Infinity, ""];
	for (const element of document.body.querySelectorAll("*")) {
		const text = [...element.childNodes].find((node) =>
			node.nodeType === Node.TEXT_NODE && node.data.trim());
		if (!text || !element.checkVisibility())
			continue;
		const [low, high] = [luminance(getComputedStyle(element).color),
			luminance(behind(element))].sort((a, b) => a - b);
		const contrast = (high + 0.05) / (low + 0.05);
		if (contrast < faintest[0])
			faintest = [contrast, text.data.trim()];
	}
	return faintest;
"""


def ask(database, *words):
	environment = dict(os.environ, CONNMON_DB=DATABASES[database])
	return subprocess.run(
		[QUERY, *words, "--quiet"] if words[0] != "sql" else [QUERY, *words],
		env=environment, stdout=subprocess.PIPE, check=True, encoding="utf-8",
	).stdout


def words_of_report(name):
	"""The database and options that the golden test of a report asks with."""
	try:
		with open(f"{GOLDEN}/reports/{name}.args", encoding="utf-8") as file:
			return "many", shlex.split(file.read())
	except FileNotFoundError:
		return "seed", []


def hides(character):
	"""What escape.h calls unsafe."""
	point = ord(character)
	return (
		point < 0x20 or 0x7F <= point < 0xA0 or 0x200B <= point <= 0x200F
		or 0x2028 <= point <= 0x202E or 0x2060 <= point <= 0x2069 or point in (0xFEFF, 0x061C)
	)


def as_shown(value):
	"""A value of --format json, its numbers read as text, as a page has it."""
	if value is None:
		return None
	return "".join(
		"".join(f"\\x{byte:02x}" for byte in c.encode()) if hides(c) else c for c in value
	)


def rows_of_json(text):
	rows = json.loads(text, parse_int=str, parse_float=str)
	return [[as_shown(value) for value in row.values()] for row in rows]
