"""The table of contract rows and the tests say the same (tests/contract_rows_queue_proxy.md)."""

import re
import unittest

from contract_rows import integration_tests, table, unit_titles

TABLE = "contract_rows_queue_proxy.md"
FOLDER = "queue_proxy"


class Rows(unittest.TestCase):
    def test_all_hundred_rows_stand_in_the_table(self):
        self.assertEqual(sorted(table(TABLE)), list(range(1, 101)))

    def test_every_entry_names_a_test_or_a_reason(self):
        python = set(integration_tests(FOLDER))
        unit = unit_titles()
        for row, entries in table(TABLE).items():
            for entry in entries:
                if entry.startswith("unit: "):
                    self.assertTrue(entry[6:] in unit, "row %d: %s" % (row, entry))
                elif entry.startswith("none: "):
                    self.assertGreater(len(entry), 20, "row %d needs a reason" % row)
                else:
                    self.assertTrue(entry.strip("`") in python, "row %d: %s" % (row, entry))

    def test_every_test_of_a_row_stands_at_its_row(self):
        rows = table(TABLE)
        for name in integration_tests(FOLDER):
            found = re.match(r"test_row_(\d+)_", name)
            if found:
                self.assertIn("`%s`" % name, rows[int(found[1])], name)
