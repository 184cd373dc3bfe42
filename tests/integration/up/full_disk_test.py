#!/usr/bin/env python3
"""Logs that cannot be written, on a full disk or at all: told once, and nothing stops."""
import subprocess

import harness
from harness import program, service


class FullDisk(harness.Case):
    def test_a_full_disk_for_logs_costs_lines_only(self):
        logs = self.folder / "logs"
        logs.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", str(logs)], capture_output=True,
                                 text=True, check=False)
        if mounted.returncode != 0:
            self.skipTest(f"no mount here: {mounted.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", str(logs)], check=True)
        noise = "i=0; while [ $i -lt 2000 ]; do echo a line of the application, number $i; i=$((i+1)); done"
        demo = service(command=["sh", "-c", f"{noise}; exec {program('sd-standin')} --port $PORT"],
                       annotations=harness.ONE_POD)
        sluice = self.up(demo, flags=["--log-dir", str(logs)])
        self.assertEqual(sluice.post("one").status, 200)
        sluice.wait_line(r"\] a line of the application, number 1999$")
        said = sluice.wait_line(r"^\[sluice\] cannot write the log file .*: No space left on device")
        self.assertEqual(len(said), 1, sluice.transcript())
        self.assertEqual(len(sluice.out.find("a line of the application")), 2000)
        self.assertEqual(sluice.post("two").status, 200)
        file = next(logs.glob("*.log"))
        self.assertTrue(file.read_text().startswith(f"[{file.stem}"))

    def test_a_log_folder_that_cannot_be_made(self):
        (self.folder / "file").write_text("")
        sluice = self.up(service(annotations=harness.WARM),
                                 flags=["--log-dir", str(self.folder / "file" / "logs")])
        self.warm(sluice, 1)
        self.assertEqual(len(sluice.wait_line(r"^\[sluice\] cannot write the log file .*: Not a directory")), 1)


if __name__ == "__main__":
    harness.main()
