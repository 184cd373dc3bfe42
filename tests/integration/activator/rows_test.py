"""The table of contract rows and the tests say the same (tests/contract_rows_activator.md)."""

import json
import os
import re
import unittest

from contract_rows import TESTS, integration_tests, read, table, unit_titles

TABLE = "contract_rows_activator.md"
FOLDERS = ("activator", "kubernetes")


def vector_kinds():
    vectors = json.loads(read(os.path.join(TESTS, "data", "kpa-vectors.json")))
    return set(re.findall(r"'kind': '(\w+)'", str(vectors)))


class Rows(unittest.TestCase):
    def test_all_rows_stand_in_the_table(self):
        self.assertEqual(sorted(table(TABLE)), list(range(1, 69)))

    def test_every_entry_names_a_test_or_a_reason(self):
        python, unit, kinds = set(integration_tests(*FOLDERS)), unit_titles(), vector_kinds()
        for row, entries in table(TABLE).items():
            self.assertFalse(all(entry.startswith("differs: ") for entry in entries), row)
            for entry in entries:
                if entry.startswith("unit: "):
                    self.assertIn(entry[6:], unit, row)
                elif entry.startswith("vectors: "):
                    self.assertIn(entry[9:], kinds, row)
                elif entry.startswith(("none: ", "differs: ")):
                    self.assertGreater(len(entry), 25, "row %d needs a reason" % row)
                else:
                    self.assertIn(entry.strip("`"), python, row)

    def test_every_test_of_a_row_stands_at_its_row(self):
        rows = table(TABLE)
        for name in integration_tests(*FOLDERS):
            if not name.startswith("test_row_"):
                continue
            numbers = re.match(r"test_row_(\d{3}(?:_and_\d{3})*)_", name)[1].split("_and_")
            for number in numbers:
                self.assertIn("`%s`" % name, rows[int(number)], name)
