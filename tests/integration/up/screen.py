"""A terminal with one of our programs in it. `pyte` plays the terminal: what a test sees is the screen that a person
would see after all control sequences.
"""
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import threading

# Debian's python3-pyte is pure Python; another python3 in PATH does not look where it is.
sys.path.append("/usr/lib/python3/dist-packages")
import pyte  # noqa: E402

from harness import Binaries, program, wait_for  # noqa: E402


class Screen:
    """A terminal of so many columns and rows with a program in it."""

    def __init__(self, columns, rows, *arguments, env=None):
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.bytes = b""
        self.lock = threading.Lock()
        self.master, slave = pty.openpty()
        self.slave = slave  # stays open here: its modes can be read after the program has ended
        self.resize(columns, rows)
        self.before = termios.tcgetattr(slave)
        self.process = subprocess.Popen([program("sluice"), *arguments], stdin=slave, stdout=slave, stderr=slave,
                                        env={**os.environ, "TERM": "xterm", **(env or {})}, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.ended = False
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        while not self.ended:
            if select.select([self.master], [], [], 0.05)[0]:
                piece = os.read(self.master, 65536)
                with self.lock:
                    self.bytes += piece
                    self.stream.feed(piece)

    def resize(self, columns, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        with self.lock:
            self.screen.resize(rows, columns)

    def type(self, keys):
        os.write(self.master, keys.encode())

    def lines(self):
        with self.lock:
            return [line.rstrip() for line in self.screen.display]

    def text(self):
        return "\n".join(self.lines())

    def wait(self, pattern):
        """Waits until the screen shows this; returns the match."""
        return wait_for(lambda: re.search(pattern, self.text(), re.MULTILINE),
                        lambda: f"{pattern!r} on the screen:\n{self.text()}")

    def wait_end(self):
        status = self.process.wait(Binaries.deadline)
        wait_for(lambda: not select.select([self.master], [], [], 0.2)[0], "all output")
        return status

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.ended = True
        self.thread.join()
        os.close(self.master)
        os.close(self.slave)
