#!/usr/bin/env python3
"""Keeps the bench from rotting: runs every scenario in its tiny form and looks at the form of the JSON.

usage: smoke_test.py FOLDER-OF-THE-BINARIES

Says nothing about speed. Peers that are not installed are left out, as in any run.
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True
import contenders  # noqa: E402
import report  # noqa: E402
import scenarios  # noqa: E402

BUILD = ""
DEADLINE_S = 250  # under the sanitizers, on a busy machine


class Smoke(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "bench.json"
            cls.done = subprocess.run([HERE / "run", "--smoke", "--build", BUILD, "--json", file], text=True,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=DEADLINE_S, check=False)
            cls.results = json.loads(file.read_text()) if file.exists() else {}

    def test_every_scenario_ran(self):
        self.assertEqual(self.done.returncode, 0, self.done.stdout)
        wanted = [name for name, scenario in scenarios.all_scenarios().items() if scenario.smoke is not None]
        self.assertEqual(sorted(self.results), sorted(wanted))
        for name in wanted:
            self.assertIn(f"== {name}\n", self.done.stdout)

    def test_figures_are_medians_between_least_and_most(self):
        for name, result in self.results.items():
            self.assertTrue(result["contenders"], name)
            for contender, figures in result["contenders"].items():
                self.assertTrue(figures, (name, contender))
                for figure, value in figures.items():
                    with self.subTest(scenario=name, contender=contender, figure=figure):
                        self.assertEqual(set(value), {"median", "min", "max"})
                        self.assertLessEqual(value["min"], value["median"])
                        self.assertLessEqual(value["median"], value["max"])

    def test_ratios_are_numbers(self):
        all_peers = all(contenders.peer(name) for name in contenders.PEERS)
        for name, result in self.results.items():
            for key, value in result["ratios"].items():
                with self.subTest(scenario=name, ratio=key):
                    if all_peers or value is not None:
                        self.assertIsInstance(value, (int, float))
            if all_peers:
                self.assertTrue(result["ratios"], name)

    def test_what_the_readmes_tell_is_measured(self):
        text = report.headlines(self.results)
        self.assertIn("commit", text)
        for name, ratio, words in report.HEADLINES:
            if self.results.get(name, {}).get("ratios"):
                with self.subTest(scenario=name, ratio=ratio):
                    self.assertIn(ratio, self.results[name]["ratios"])
        for name, result in self.results.items():
            self.assertIn(f"### {name}", report.markdown(name, result))
            self.assertIn(result["about"]["cpu"], report.where_and_when(result["about"]))


if __name__ == "__main__":
    BUILD = sys.argv.pop(1)
    unittest.main()
