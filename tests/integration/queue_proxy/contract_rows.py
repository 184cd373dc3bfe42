"""What the tables of contract rows (tests/contract_rows_*.md) say, and which tests there are."""

import os
import re

INTEGRATION = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TESTS = os.path.dirname(INTEGRATION)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def table(name):
    """{row: [entries]}"""
    rows = {}
    for line in read(os.path.join(TESTS, name)).splitlines():
        found = re.match(r"\| *(\d+) *\|[^|]*\|(.*)\|$", line)
        if found:
            assert int(found[1]) not in rows, "row %s stands twice" % found[1]
            rows[int(found[1])] = [entry.strip() for entry in found[2].split(";")]
    return rows


def integration_tests(*folders):
    names = []
    for folder in folders:
        path = os.path.join(INTEGRATION, folder)
        for file in os.listdir(path):
            if file.endswith("_test.py"):
                names += re.findall(r"def (test_\w+)", read(os.path.join(path, file)))
    return names


def unit_titles():
    titles = set()
    for folder, _, files in os.walk(os.path.join(TESTS, "unit")):
        for file in files:
            if file.endswith("_test.cpp"):
                titles.update(re.findall(r'TEST_CASE\(\s*"([^"]+)"', read(
                    os.path.join(folder, file))))
    return titles
