"""Faults of the machine under the programs: its network, memory, open files and clock. Each says why this
machine cannot have it, or makes it in namespaces and groups of the test's own."""

import contextlib
import ctypes
import fcntl
import json
import os
import random
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN = 0x0001
IFF_NO_PI = 0x1000
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
MEMORY_GROUPS = "/sys/fs/cgroup/memory"

LIBC = ctypes.CDLL(None, use_errno=True)


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False)


@contextlib.contextmanager
def os_file(path):
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield file
    finally:
        os.close(file)


class Namespace:
    """A network of its own, for the threads that are inside and for whatever they start."""

    def __init__(self, test):
        with os_file("/proc/thread-self/ns/net") as before:
            if LIBC.unshare(CLONE_NEWNET) != 0:
                raise unittest.SkipTest("no namespaces here: " + os.strerror(ctypes.get_errno()))
            self.file = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            test.addCleanup(os.close, self.file)
            self.enter(before)
        with self.inside():
            if run("ip", "link", "set", "lo", "up").returncode != 0:
                raise unittest.SkipTest("the loopback of a network namespace cannot be used here")

    @staticmethod
    def enter(file):
        assert LIBC.setns(file, CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())

    @contextlib.contextmanager
    def inside(self):
        with os_file("/proc/thread-self/ns/net") as before:
            self.enter(self.file)
            try:
                yield
            finally:
                self.enter(before)

    def make_device(self, address, other):
        """A TUN device; its descriptor. What is sent to `other` comes out of it."""
        with self.inside():
            try:
                device = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
                fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", b"tun0", IFF_TUN | IFF_NO_PI))
            except OSError as error:
                raise unittest.SkipTest("no TUN device here: %s" % error) from error
            for command in (("address", "add", address, "peer", other, "dev", "tun0"), ("link", "set", "tun0", "up")):
                done = run("ip", *command)
                assert done.returncode == 0, done.stderr
        return device


class Network:
    """Two networks and the link between them (bad_link.py), which may become bad. The activator is in `near`,
    its clients and its pods are in `far`: all that they tell each other crosses the link."""

    NEAR, FAR = "198.18.0.1", "198.18.0.2"  # of the range for tests of networks, RFC 2544
    TO_NEAR, TO_FAR = 1, 0

    def __init__(self, test):
        if not shutil.which("ip"):
            raise unittest.SkipTest("no program 'ip' here")
        self.near, self.far = Namespace(test), Namespace(test)
        devices = [self.near.make_device(self.NEAR, self.FAR), self.far.make_device(self.FAR, self.NEAR)]
        seed = int(os.environ.get("LINK_SEED", random.randrange(1 << 32)))
        print("LINK_SEED=%d" % seed, flush=True)
        program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bad_link.py")
        self.link = subprocess.Popen([sys.executable, program, str(seed), *map(str, devices)], pass_fds=devices,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for device in devices:
            os.close(device)
        test.addCleanup(self.close)

    def become(self, delay=0.0, jitter=0.0, loss=0.0, dead=()):
        """See bad_link.py. Returns what has become of the packets until now."""
        self.link.stdin.write(json.dumps({"delay": delay, "jitter": jitter, "loss": loss, "dead": list(dead)}) + "\n")
        self.link.stdin.flush()
        return json.loads(self.link.stdout.readline())

    def close(self):
        self.link.kill()
        self.link.communicate()


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
