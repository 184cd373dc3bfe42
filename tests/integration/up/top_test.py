#!/usr/bin/env python3
"""`sluice top` in a real (pseudo) terminal before a real `sluice up`, as somebody over ssh would use it."""
import contextlib
import os
import re
import signal
import subprocess
import termios
import unittest

import harness
from harness import ONE_POD, WARM, Binaries, program, service, wait_for
from screen import Screen


class Case(harness.Case):
    @contextlib.contextmanager
    def top(self, sluice, columns=80, rows=24, *flags):
        screen = Screen(columns, rows, "top", "--admin", "%s:%d" % sluice.admin, *flags)
        try:
            yield screen
        finally:
            screen.close()

    def assert_restored(self, screen):
        """The terminal is as it was: modes, cursor, wrapping, and the screen from before."""
        self.assertEqual(termios.tcgetattr(screen.slave), screen.before)
        for on, off in ((b"\x1b[?1049h", b"\x1b[?1049l"), (b"\x1b[?25l", b"\x1b[?25h"), (b"\x1b[?7l", b"\x1b[?7h")):
            wait_for(lambda: screen.bytes.rfind(off) > screen.bytes.rfind(on),
                     lambda: f"{off} in {screen.bytes[-300:]}")


class Live(Case):
    def test_it_shows_what_happens_resizes_and_ends_with_q(self):
        sluice = self.up(service(annotations={**WARM, **ONE_POD}))
        pod, = self.warm(sluice, 1)
        with self.top(sluice) as screen:
            screen.wait(r"^Sluice  127\.0\.0\.1:\d+ +live$")
            screen.wait(r"^Pods: 1 of 1 ready$")
            screen.wait(rf"^ +{re.escape(pod)} +idle +free$")
            screen.wait(r"^  nobody waits$")
            job = sluice.start_job("long")
            sluice.wait_running([pod], 1)
            waiting = [sluice.start_job(f"waits {i}") for i in range(3)]
            sluice.wait_status("three waiting", waiting=3)
            screen.wait(rf"^default/demo-00001 +\d+\.\d +1 +3 ")
            screen.wait(rf"^ +{re.escape(pod)} +busy +POST /sdapi/v1/txt2img [\d.]+ m?s$")
            screen.wait(r"^Queue: 3 waiting$")
            screen.wait(r"^  1  waits .*POST /sdapi/v1/txt2img$")
            screen.wait(r"^  \d\d:\d\d:\d\d  pod \S+: ready after")
            self.assertEqual(screen.lines()[-1], "q: quit")

            screen.resize(40, 10)
            screen.wait(r"(?s)\A.{0,40}live\n.*^Queue: 3 waiting$.*^q: quit\Z")
            self.assertEqual(len(screen.lines()), 10)
            screen.resize(120, 40)
            screen.wait(r"(?s)^What happened, the last first$.*^q: quit\Z")

            for one in [job, *waiting]:
                sluice.interrupt(pod)
            for one in [job, *waiting]:
                self.assertEqual(one.reply().status, 200)
            screen.wait(r"^Queue: 0 waiting$")
            screen.type("q")
            self.assertEqual(screen.wait_end(), 0)
            self.assert_restored(screen)

    def test_it_gives_the_terminal_back_on_ctrl_c_and_on_signals(self):
        sluice = self.up(service())
        for end in ("\x03", signal.SIGTERM, signal.SIGHUP):
            with self.top(sluice) as screen:
                screen.wait("live$")
                if isinstance(end, str):
                    screen.type(end)
                else:
                    screen.process.send_signal(end)
                self.assertEqual(screen.wait_end(), 0)
                self.assert_restored(screen)

    def test_ctrl_z_gives_the_terminal_back_until_it_goes_on(self):
        sluice = self.up(service())
        with self.top(sluice) as screen:
            screen.wait("live$")
            screen.type("\x1a")
            _, status = wait_for(lambda: (found := os.waitpid(screen.process.pid, os.WNOHANG | os.WUNTRACED))[0]
                                 and found, "a stopped process")
            self.assertTrue(os.WIFSTOPPED(status))
            self.assert_restored(screen)
            screen.process.send_signal(signal.SIGCONT)
            wait_for(lambda: screen.bytes.count(b"\x1b[?1049h") == 2, "the screen again")
            screen.wait("live$")
            screen.type("q")
            self.assertEqual(screen.wait_end(), 0)
            self.assert_restored(screen)

    def test_it_says_when_the_server_goes_away_and_finds_the_next_one(self):
        first = self.up(service())
        address = "%s:%d" % first.admin
        with self.top(first) as screen:
            screen.wait("live$")
            first.signal(signal.SIGTERM)
            first.wait_end()
            screen.wait(r"cannot connect: Connection refused; trying again$")
            self.assertIn("Pods: 0 of 0 ready", screen.text())  # what was known stays
            self.up(service("other"), admin=address)
            screen.wait("live$")
            screen.wait("^default/other-00001 ")
            screen.type("q")
            self.assertEqual(screen.wait_end(), 0)
            self.assert_restored(screen)

    def test_tab_shows_the_next_revision(self):
        sluice = self.up(service("one"), service("two", annotations=WARM))
        with self.top(sluice) as screen:
            screen.wait(r"Tab: next revision")
            screen.wait(r"^Pods: 0 of 0 ready$")
            screen.type("\t")
            screen.wait(r"^Pods: \d of 1 ready$")
            screen.type("p")
            screen.wait(r"^Pods: 0 of 0 ready$")
        with self.top(sluice, 80, 24, "--revision", "default/two-00001") as screen:
            screen.wait(r"^Pods: \d of 1 ready$")


class Printed(Case):
    def run_top(self, *arguments):
        return subprocess.run([program("sluice"), "top", *arguments], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=Binaries.deadline, check=False)

    def test_without_a_terminal_it_prints_one_picture_and_ends(self):
        sluice = self.up(service(annotations=WARM))
        pod, = self.warm(sluice, 1)
        address = "%s:%d" % sluice.admin
        for flags in ([], ["--once"]):
            printed = self.run_top("--admin", address, *flags)
            self.assertEqual((printed.returncode, printed.stderr), (0, ""))
            self.assertRegex(printed.stdout, r"(?m)^Sluice  127\.0\.0\.1:\d+$")
            self.assertRegex(printed.stdout, rf"(?m)^  {re.escape(pod)} +idle")
            self.assertNotIn("\x1b", printed.stdout)

    def test_on_a_terminal_once_leaves_it_alone(self):
        sluice = self.up(service())
        with self.top(sluice, 80, 24, "--once") as screen:
            self.assertEqual(screen.wait_end(), 0)
            self.assertNotIn(b"\x1b", screen.bytes)
            self.assertIn("Queue: 0 waiting", screen.text())

    def test_nobody_there_is_said_and_is_a_failure(self):
        sluice = self.up(service())
        address = "%s:%d" % sluice.admin
        sluice.signal(signal.SIGTERM)
        sluice.wait_end()
        printed = self.run_top("--admin", address, "--once")
        self.assertEqual((printed.returncode, printed.stdout), (1, ""))
        self.assertEqual(printed.stderr, f"sluice: {address}: cannot connect: Connection refused\n")

    def test_a_protected_port_wants_the_token(self):
        token = self.folder / "token"
        token.write_text("0123456789abcdef0123\n")
        wrong = self.folder / "wrong"
        wrong.write_text("not the one that it wants\n")
        sluice = self.up(service(), flags=["--admin-token-file", str(token)])
        address = "%s:%d" % sluice.admin
        printed = self.run_top("--admin", address, "--token-file", str(token))
        self.assertEqual((printed.returncode, printed.stderr), (0, ""))
        printed = self.run_top("--admin", address)
        self.assertEqual(printed.returncode, 1)
        self.assertEqual(printed.stderr, f"sluice: {address}: the server wants its token: --token-file\n")
        with self.top(sluice, 80, 24, "--token-file", str(wrong)) as screen:
            self.assertEqual(screen.wait_end(), 1)
            self.assertIn(b"the server does not take this token", screen.bytes)
            self.assert_restored(screen)

    def test_a_wrong_command_line_is_said(self):
        for arguments, said in ((["--admin", "8081"], "is not HOST:PORT"),
                                (["--token-file", str(self.folder / "none")], "cannot be read")):
            printed = self.run_top(*arguments)
            self.assertEqual((printed.returncode, printed.stdout), (64, ""))
            self.assertIn(said, printed.stderr)


if __name__ == "__main__":
    harness.main()
