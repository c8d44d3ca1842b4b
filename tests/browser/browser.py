"""A headless Chromium that opens files and tells what they did: what they asked the network for,
and what the console says. Needs chromium, chromium-driver and python3-selenium of Debian."""
import base64
import json
import os
import tempfile
import unittest

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service


class Browser:
	def __init__(self):
		options = Options()
		for argument in (
			"--headless=new",
			"--no-sandbox",  # which root cannot have; what is opened is our own
			"--disable-dev-shm-usage",
			"--window-size=1280,900",
		):
			options.add_argument(argument)
		options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
		self.driver = webdriver.Chrome(
			service=Service("/usr/bin/chromedriver"), options=options
		)
		self.run = self.driver.execute_script

	def open(self, path, theme="light", medium=""):
		"""The page in a file, as who prefers @theme sees it; @medium: "" or print."""
		self.look("light" if theme is None else theme, medium)
		self.driver.get("file://" + path)

	def look(self, theme, medium=""):
		self.driver.execute_cdp_cmd(
			"Emulation.setEmulatedMedia",
			{
				"media": medium,
				"features": [{"name": "prefers-color-scheme", "value": theme}],
			},
		)

	def network(self, method):
		"""What the browser tells by @method since the last call of this or the next two."""
		messages = [json.loads(e["message"])["message"] for e in self.driver.get_log("performance")]
		return [m["params"] for m in messages if m["method"] == "Network." + method]

	def requests(self):
		"""All URLs that were asked for."""
		return [params["request"]["url"] for params in self.network("requestWillBeSent")]

	def refusals(self):
		"""Why the browser itself refused what a page asked for."""
		return [params.get("blockedReason") for params in self.network("loadingFailed")]

	def console(self):
		"""What the console says since the last call."""
		return [entry["message"] for entry in self.driver.get_log("browser")]

	def keep_picture(self, name):
		"""A picture of the page in the folder $CONNMON_SCREENSHOTS, when that is set."""
		folder = os.environ.get("CONNMON_SCREENSHOTS")
		if not folder:
			return
		size = self.driver.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
		clip = {"x": 0, "y": 0, "width": 1280, "height": min(size["height"], 1500), "scale": 1}
		picture = self.driver.execute_cdp_cmd(
			"Page.captureScreenshot", {"clip": clip, "captureBeyondViewport": True}
		)
		os.makedirs(folder, exist_ok=True)
		with open(os.path.join(folder, name + ".png"), "wb") as file:
			file.write(base64.b64decode(picture["data"]))

	def close(self):
		self.driver.quit()


class PageTest(unittest.TestCase):
	"""Tests of pages, each written to a file and opened from there."""

	@classmethod
	def setUpClass(cls):
		cls.browser = Browser()
		cls.folder = tempfile.TemporaryDirectory()

	@classmethod
	def tearDownClass(cls):
		cls.browser.close()
		cls.folder.cleanup()

	def open(self, html, **how):
		"""Opens a page, which loads nothing and has no error; returns its path."""
		path = os.path.join(self.folder.name, "page.html")
		with open(path, "w", encoding="utf-8") as file:
			file.write(html)
		self.browser.requests(), self.browser.console()
		self.browser.open(path, **how)
		self.assertEqual(self.browser.requests(), ["file://" + path])
		self.assertEqual(self.browser.console(), [])
		return path
