"""Faults of the machine under the programs: its network, memory, open files and clock. Each says why this
machine cannot have it, or makes it in namespaces and groups of the test's own."""

import ctypes
import os
import resource
import shutil
import subprocess
import tempfile
import unittest

CLONE_NEWNET = 0x40000000
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
MEMORY_GROUPS = "/sys/fs/cgroup/memory"

LIBC = ctypes.CDLL(None, use_errno=True)


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False)


def enter_network_namespace(test):
    """A new one for this thread and whatever it starts from now on, until the test ends."""
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    if LIBC.unshare(CLONE_NEWNET) != 0:
        os.close(before)
        raise unittest.SkipTest("no namespaces here: " + os.strerror(ctypes.get_errno()))

    def leave():
        assert LIBC.setns(before, CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        os.close(before)
    test.addCleanup(leave)


class Network:
    """A loopback of the test's own, which may become bad."""

    def __init__(self, test):
        for program in ("ip", "tc", "iptables"):
            if not shutil.which(program):
                raise unittest.SkipTest("no program %r here" % program)
        enter_network_namespace(test)
        if run("ip", "link", "set", "lo", "up").returncode != 0:
            raise unittest.SkipTest("the loopback of a network namespace cannot be used here")

    def rule(self, change, *match):
        done = run("iptables", change, "INPUT", *match, "-j", "DROP")
        if done.returncode != 0:
            raise unittest.SkipTest("iptables: " + done.stderr.strip())

    def make_bad(self):
        """Every packet late, every thirtieth lost; where the kernel has no netem, the loss alone."""
        if run("tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "10ms", "5ms", "loss",
               "3%").returncode == 0:
            return "delay and loss"
        self.rule("-A", "-m", "statistic", "--mode", "random", "--probability", "0.03")
        return "loss; no delay: this kernel has no netem"

    def make_good(self):
        run("tc", "qdisc", "del", "dev", "lo", "root")
        run("iptables", "-F", "INPUT")

    def cut(self, port):
        for side in ("--dport", "--sport"):
            self.rule("-A", "-p", "tcp", side, str(port))


class Names:
    """Host names that only this test's programs know, and that can go away."""

    def __init__(self, folder):
        self.hosts = os.path.join(folder, "hosts")
        servers = os.path.join(folder, "resolv.conf")
        with open(servers, "w", encoding="ascii") as file:
            file.write("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        self.know("")
        # What a program is started with: it sees these files in the place of the machine's.
        self.prefix = ("unshare", "-m", "sh", "-c", 'mount --bind "$0" /etc/hosts && mount --bind "$1" '
                       '/etc/resolv.conf && shift && exec "$@"', self.hosts, servers)
        done = run(*self.prefix, "true")
        if done.returncode != 0:
            raise unittest.SkipTest("no mounts of our own here: " + done.stderr.strip())

    def know(self, *names):
        """In place: a bind mount stays with the file."""
        with open(self.hosts, "w", encoding="ascii") as file:
            file.write("127.0.0.1 " + " ".join(names) + "\n")


class MemoryGroup:
    """What is started with `enter` as preexec_fn may use so many bytes; one more, and it is killed."""

    def __init__(self, test, limit):
        try:
            self.folder = tempfile.mkdtemp(dir=MEMORY_GROUPS, prefix="sluice-test-")
            with open(os.path.join(self.folder, "memory.limit_in_bytes"), "w", encoding="ascii") as file:
                file.write(str(limit))
        except OSError as error:
            raise unittest.SkipTest("no memory group of our own here: %s" % error) from error
        test.addCleanup(os.rmdir, self.folder)

    def enter(self):
        with open(os.path.join(self.folder, "cgroup.procs"), "w", encoding="ascii") as file:
            file.write(str(os.getpid()))

    def kills(self):
        with open(os.path.join(self.folder, "memory.oom_control"), encoding="ascii") as file:
            return dict(line.split() for line in file).get("oom_kill", "0")


class Clock:
    """A wall clock that jumps; the monotonic one goes on as ever, as when an administrator sets the time."""

    def __init__(self, folder):
        if not os.path.exists(FAKETIME):
            raise unittest.SkipTest("no libfaketime here")
        if "ASAN_OPTIONS" in os.environ:
            raise unittest.SkipTest("AddressSanitizer and a preloaded library do not go together")
        self.file = os.path.join(folder, "clock")
        self.jump("+0")
        self.environment = {"LD_PRELOAD": FAKETIME, "FAKETIME_TIMESTAMP_FILE": self.file, "FAKETIME_NO_CACHE": "1",
                            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}

    def jump(self, offset):
        with open(self.file + ".new", "w", encoding="ascii") as file:
            file.write(offset + "\n")
        os.replace(self.file + ".new", self.file)


def leave_files(pid, count):
    """The process may open `count` more files; returns what to call to undo that."""
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    highest = max(int(name) for name in os.listdir("/proc/%d/fd" % pid))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (highest + 1 + count, before[1]))
    return lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid, encoding="ascii") as file:
        parts = file.read().rsplit(")", 1)[1].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")
