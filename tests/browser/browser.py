"""A headless Chromium at the page of a `sluice up`, and what is on the page."""
import json
import os
import pathlib
import re
import shutil
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration" / "up"))
sys.dont_write_bytecode = True

import harness  # noqa: E402
from harness import Binaries, wait_for  # noqa: E402,F401

SKIPPED = 77  # ctest's SKIP_RETURN_CODE
SCREENSHOTS = HERE.parents[1] / "build" / "browser"
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage")


def missing():
    """"" or why the page cannot be tested here."""
    for name in ("chromium", "chromedriver"):
        if not shutil.which(name):
            return f"there is no {name} (scripts/install-packages browser)"
    try:
        import selenium  # noqa: F401
    except ImportError:
        return "there is no python3-selenium (scripts/install-packages browser)"
    return ""


def main():
    """usage: X_test.py FOLDER-OF-THE-BINARIES [unittest arguments]"""
    reason = missing()
    if reason:
        print("skipped: " + reason)
        sys.exit(SKIPPED)
    harness.main()


def open_chromium(folder):
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for flag in (*FLAGS, f"--user-data-dir={folder}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = webdriver.Chrome(service=Service(shutil.which("chromedriver"), log_path=os.devnull), options=options)
    driver.set_script_timeout(Binaries.deadline)
    return driver


class PageCase(harness.Case):
    """Each test has a browser of its own; at its end nothing may have left the page's origin or complained."""

    def setUp(self):
        super().setUp()
        profile = tempfile.mkdtemp(prefix="sluice-browser-")
        self.addCleanup(shutil.rmtree, profile, ignore_errors=True)
        self.driver = open_chromium(profile)
        self.addCleanup(self.driver.quit)

    def open_page(self, sluice, width=1400, height=1000):
        self.origin = "http://%s:%d" % sluice.admin
        self.driver.get("about:blank")
        # What Chromium did before, for its own first page, is not the page's.
        self.driver.get_log("performance")
        self.driver.get_log("browser")
        self.size(width, height)
        self.driver.get(self.origin + "/")
        wait_for(lambda: self.text("link") == "live", "the live stream")

    def size(self, width, height, phone=False):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone})

    def colours(self, scheme):
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": scheme}]})

    def script(self, code, *arguments):
        return self.driver.execute_script(code, *arguments)

    def text(self, name):
        return self.script("const e = document.getElementById(arguments[0]); return e ? e.textContent : null", name)

    def number(self, name):
        """The number that stands there; None if there is none."""
        found = re.match(r"-?[\d,.]+", self.text(name) or "")
        return float(found[0].replace(",", "")) if found else None

    def wait_number(self, name, value):
        wait_for(lambda: self.number(name) == value, lambda: f"{name} {value}; it is {self.text(name)!r}")

    def rows(self):
        """The queue as it stands there, row by row."""
        return self.script("return [...document.querySelectorAll('#queue tbody tr')]"
                           ".map(r => [...r.cells].map(c => c.textContent))")

    def screenshot(self, name, whole=True):
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        parameters = {"format": "png", "captureBeyondViewport": whole}
        if whole:
            size = self.driver.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
            parameters["clip"] = {**size, "scale": 1}
        import base64
        image = self.driver.execute_cdp_cmd("Page.captureScreenshot", parameters)["data"]
        (SCREENSHOTS / (name + ".png")).write_bytes(base64.b64decode(image))

    def check_quiet(self):
        """No request to anywhere else, no complaint in the console (a broken policy would be one)."""
        asked = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                asked.append(message["params"]["request"]["url"])
        self.assertTrue(asked)
        self.assertEqual([url for url in asked if not url.startswith(self.origin + "/")], [])
        serious = [entry for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]
        self.assertEqual(serious, [])


def metrics(sluice):
    """Every sample of /metrics as ({labels}, value), by name; the revision's labels are left out."""
    text = harness.call(sluice.admin, "GET", "/metrics").body.decode()
    found = {}
    for line in text.splitlines():
        parts = re.match(r"(\w+)(?:\{(.*)\})? (\S+)$", line)
        if parts and not line.startswith("#"):
            labels = dict(re.findall(r'(\w+)="([^"]*)"', parts[2] or ""))
            for name in ("namespace_name", "service_name", "revision_name"):
                labels.pop(name, None)
            found.setdefault(parts[1], []).append((labels, float(parts[3])))
    return found


def total(sluice, name, **labels):
    """The sum of the samples with these labels."""
    return sum(value for have, value in metrics(sluice).get(name, [])
               if all(have.get(key) == want for key, want in labels.items()))
