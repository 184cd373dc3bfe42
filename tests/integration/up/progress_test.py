#!/usr/bin/env python3
"""What `sluice up` says on a terminal while a model loads. (Without one: demand_test.py.)"""
import json
import re
import unittest
import uuid

import harness
from harness import MARK, WARM, marked_processes, service, wait_for
from screen import Screen


class Progress(harness.Case):
    def test_one_line_is_rewritten_until_the_pod_is_ready(self):
        file = self.folder / "service.yaml"
        file.write_text(json.dumps(service(annotations=WARM, args=["--startup-ms", "4000"])))
        mark = uuid.uuid4().hex
        screen = Screen(100, 30, "up", str(file), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0",
                        env={MARK: mark})
        self.addCleanup(screen.close)
        seen = set()

        def loading():
            shown = re.findall(r"^(demo-00001-\w+): loading, (\d+) s: Loading weights", screen.text(), re.MULTILINE)
            self.assertLessEqual(len(shown), 1, screen.text())  # written over, not one below the other
            seen.update(seconds for _, seconds in shown)
            return len(seen) >= 2
        wait_for(loading, lambda: f"progress in\n{screen.text()}")
        screen.wait(r"^pod demo-00001-\w+: ready after ")
        wait_for(lambda: ": loading, " not in screen.text(), lambda: f"no progress any more:\n{screen.text()}")
        # The lines around it are whole.
        screen.wait(r"^serving demo at http://[\d.:]+$")
        screen.wait(r"^\[demo-00001-\w+\] Running on local URL: +http://[\d.:]+$")
        screen.type("\x03")
        self.assertEqual(screen.wait_end(), 0)
        self.assertEqual(marked_processes(mark), {})


if __name__ == "__main__":
    harness.main()
