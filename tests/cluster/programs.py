"""Programs that run beside the tests: started here, ended here, by pid."""

import os
import signal
import subprocess
import time


class Program:
    def __init__(self, name, command, log_folder, environment=None):
        self.name = name
        self.log = os.path.join(log_folder, name + ".log")
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **(environment or {})}, start_new_session=True)

    def alive(self):
        return self.process.poll() is None

    def end(self, seconds=10):
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
            end = time.monotonic() + seconds
            while self.alive() and time.monotonic() < end:
                time.sleep(0.05)
        if self.alive():
            self.process.kill()
        self.process.wait()

    def tail(self, lines=15):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return "".join(log.readlines()[-lines:])


def run(command, **options):
    """Output of a command that must succeed."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        raise RuntimeError("%s: exit %d\n%s%s" % (command[0], done.returncode, done.stdout, done.stderr))
    return done.stdout
