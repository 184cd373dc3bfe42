#!/usr/bin/env python3
"""A real Prometheus scrapes a loaded `sluice up` with manifests/monitoring/: every query of every panel and every rule
returns numbers, and promtool finds nothing wrong."""
import json
import math
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import urllib.parse

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration" / "up"))

import harness  # noqa: E402
from harness import call, cookies, service, wait_for  # noqa: E402

MONITORING = harness.ROOT / "manifests" / "monitoring"
SKIPPED = 77  # ctest's SKIP_RETURN_CODE
WORKING_MS = 300


def replaced(text, *pairs):
    """The file with the test's values in place of the user's; each must have been there."""
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return text


def operands(expression):
    """What an alert compares: its parts around `and`, without the comparison with a number."""
    parts = re.split(r"\s+and\s+", expression)
    return [re.sub(r"\s*(==|<=|>=|<|>)\s*[\d.]+$", "", part) for part in parts]


class Monitoring(harness.Case):
    def start_prometheus(self, sluice):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.prometheus = probe.getsockname()
        shutil.copy(MONITORING / "rules.yml", self.folder)
        config = replaced((MONITORING / "prometheus.yml").read_text(), ("15s", "1s"),
                          ("127.0.0.1:8081", "%s:%d" % sluice.admin))
        (self.folder / "prometheus.yml").write_text(config)
        process = subprocess.Popen(
            ["prometheus", f"--config.file={self.folder}/prometheus.yml", f"--storage.tsdb.path={self.folder}/data",
             "--web.listen-address=%s:%d" % self.prometheus, "--log.level=warn"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.said = harness.Output(process.stderr)
        self.addCleanup(self.stop, process)
        wait_for(lambda: call(self.prometheus, "GET", "/-/ready").status == 200,
                 lambda: f"Prometheus: {self.said.lines[-5:]}")
        wait_for(lambda: self.query("sluice_queue_length"), lambda: f"the first scrape: {self.said.lines[-5:]}")

    @staticmethod
    def stop(process):
        process.terminate()
        process.wait(30)

    def ask(self, path):
        answer = call(self.prometheus, "GET", path).json()
        self.assertEqual(answer["status"], "success", answer)
        return answer["data"]

    def query(self, expression):
        """The numbers that it returns; NaN is none."""
        found = self.ask("/api/v1/query?query=" + urllib.parse.quote(expression))["result"]
        return [value for sample in found if not math.isnan(value := float(sample["value"][1]))]

    def check(self, what, expression):
        wait_for(lambda: self.query(expression), f"data of {what}: {expression}")

    def load(self, sluice):
        """Through a cold start to a session that comes back, and one client after the other."""
        first = sluice.post("first", WORKING_MS)
        self.assertEqual(first.status, 200)
        for i in range(8):
            reply = sluice.post(f"again {i}", WORKING_MS, {"Cookie": f"sd={first.cookie()}"})
            self.assertEqual(reply.status, 200)

    def test_every_query_of_every_panel_and_rule_returns_data(self):
        sluice = self.up(service(service_annotations=cookies()))
        self.start_prometheus(sluice)
        self.load(sluice)
        dashboard = json.loads((MONITORING / "grafana-dashboard.json").read_text())
        queries = [(panel["title"], target["expr"]) for panel in dashboard["panels"] for target in panel["targets"]]
        self.assertGreater(len(queries), 25)
        for title, expression in queries:
            filled = expression.replace("$__rate_interval", "1m").replace("$revision", ".*")
            self.assertNotIn("$", filled)
            self.check(f"panel {title!r}", filled)
        rules = [rule for group in self.ask("/api/v1/rules")["groups"] for rule in group["rules"]]
        self.assertEqual({rule["type"] for rule in rules}, {"recording", "alerting"})
        for rule in rules:
            self.assertEqual(rule.get("lastError", ""), "", rule)
            for expression in operands(rule["query"]):
                self.check(f"rule {rule['name']}", expression)
        for rule in rules:
            if rule["type"] == "recording":
                self.check("what it recorded", rule["name"])

    def test_a_revisions_variable_knows_the_revision(self):
        sluice = self.up(service())
        self.start_prometheus(sluice)
        names = self.ask("/api/v1/label/revision_name/values?match[]=sluice_queue_length")
        self.assertEqual(names, [sluice.status()["revision"]])

    def test_promtool_finds_nothing_wrong(self):
        for command in (["check", "rules", "rules.yml"], ["check", "config", "prometheus.yml"]):
            done = subprocess.run(["promtool", *command], cwd=MONITORING, capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_operands_of_an_alert(self):
        self.assertEqual(operands("a{b=\"c\"} > 0 and sum by (x) (d) == 0"), ['a{b="c"}', "sum by (x) (d)"])
        self.assertEqual(operands("rate(x[5m]) < 0.1"), ["rate(x[5m])"])


if __name__ == "__main__":
    if not shutil.which("prometheus") or not shutil.which("promtool"):
        print("skipped: there is no prometheus (scripts/install-packages browser)")
        sys.exit(SKIPPED)
    harness.main()
