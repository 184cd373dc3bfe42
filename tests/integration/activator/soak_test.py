"""Mixed load with faults for SOAK_SECONDS (180): what leaks, leaks here.

A request runs for 10 ms where a real one takes seconds, so an hour here is days there. Two activators
before four pods; clients that keep their connections, that connect for each request, that leave. Every few
seconds something breaks or is restarted: pods in all ways of faults_test.py, the second activator by kill -9
and by hand-over. The first activator and the first pod's queue-proxy live through all of it: their memory
and their open files must be flat (the middle of the last quarter against that of the second), and the
process must have the threads and children that it had.

SOAK_SEED repeats a schedule; it is printed with the figures.
"""

import os
import random
import signal
import statistics
import threading
import time

from activator_harness import Activator, ActivatorTest, revision
from fault_world import World
from harness import free_ports, wait_for

SECONDS = int(os.environ.get("SOAK_SECONDS", 180))
PODS = 4
# glibc's allocator and our caches settle within the first quarter; what is left is noise of this size.
MEMORY_NOISE_KB = 1024 if "ASAN_OPTIONS" not in os.environ else 65536
FILES_NOISE = 2 * PODS + 8
POD_FAULTS = ("kill_app", "kill_proxy", "kill_both", "stop_app_for_a_while", "stop_proxy_for_a_while", "drain_proxy")
# Of the pod whose queue-proxy is watched: what its application can do to it.
WATCHED_POD_FAULTS = ("kill_app", "stop_app_for_a_while")


class Watched:
    """A process that lives through it all, looked at after each fault."""

    def __init__(self, name, pid):
        self.name = name
        self.pid = pid
        self.memory = []
        self.files = []
        self.threads_before = self.threads()

    def status(self, field):
        with open("/proc/%d/status" % self.pid, encoding="ascii") as file:
            return int([line for line in file if line.startswith(field + ":")][0].split()[1])

    def threads(self):
        return self.status("Threads")

    def look(self):
        self.memory.append(self.status("VmRSS"))
        self.files.append(len(os.listdir("/proc/%d/fd" % self.pid)))

    @staticmethod
    def quarter(values, number):
        size = len(values) // 4
        return statistics.median(values[number * size:(number + 1) * size])

    def judge(self, test):
        memory = [self.quarter(self.memory, number) for number in range(4)]
        files = [self.quarter(self.files, number) for number in range(4)]
        print("%s: KiB by quarter %s, files %s" % (self.name, memory, files), flush=True)
        test.assertLessEqual(memory[3], memory[1] + MEMORY_NOISE_KB, self.name)
        test.assertLessEqual(files[3], files[1] + FILES_NOISE, self.name)
        test.assertEqual(self.threads(), self.threads_before, self.name)


class Soak(ActivatorTest):
    def begin_second(self, ports):
        arguments = ("--handover", os.path.join(self.folder, "second"), "--drain-delay", "1s")
        second = Activator(self.folder, [revision(self.world.pods)], arguments, ports=ports)
        self.addCleanup(second.close)
        return second

    def kill_second(self):
        self.second.process.send_signal(signal.SIGKILL)
        self.second.process.wait()
        self.second.close()
        self.second = self.begin_second(self.second_ports)

    def hand_second_over(self):
        old = self.second
        self.second = self.begin_second(self.second_ports)
        self.assertEqual(old.exit_code(), 0)
        old.close()

    def break_something(self, chosen):
        number = chosen.randrange(PODS)
        faults = WATCHED_POD_FAULTS if number == 0 else POD_FAULTS
        choices = [getattr(self.world.pods[number], name) for name in faults]
        fault = chosen.choice(choices + [self.kill_second, self.hand_second_over])
        fault()

    def both_well(self):
        for activator in (self.activator, self.second):
            wait_for(lambda one=activator: one.revision()["pods_ready"] == PODS, "pods to be ready")
        self.world.load.wait_served(4 * PODS)

    def connect(self):
        with self.lock:
            self.turn += 1
            ports = (self.activator.port, self.second_ports[0])
            first = ports[self.turn % 2]
        try:
            return self.activator.connect(first)
        except ConnectionRefusedError:
            return self.activator.connect()

    def test_flat_under_mixed_load_and_faults(self):
        seed = int(os.environ.get("SOAK_SEED", random.randrange(1 << 32)))
        print("SOAK_SEED=%d SOAK_SECONDS=%d" % (seed, SECONDS), flush=True)
        chosen = random.Random(seed)
        self.lock, self.turn = threading.Lock(), 0
        self.world = World(self, PODS)
        self.start([revision(self.world.pods)])
        self.second_ports = free_ports(2)
        self.second = self.begin_second(self.second_ports)
        watched = [Watched("activator", self.activator.process.pid),
                   Watched("queue-proxy", self.world.pods[0].proxy.process.pid)]
        self.world.begin_load(self.connect, seed, clients=10, kept=4, may_break=True)
        self.both_well()
        broken, end, faults = 0, time.monotonic() + SECONDS, 0
        while time.monotonic() < end:
            self.break_something(chosen)
            faults += 1
            self.both_well()
            for one in watched:
                one.look()
            # The test's own memory of logs is no matter of this test.
            for process in (self.activator, self.second, *(pod.proxy for pod in self.world.pods)):
                del process.err[:]
            broken = self.world.load.broken
        print("faults: %d" % faults, flush=True)
        self.world.judge()
        for one in watched:
            one.judge(self)
        # Only those who were connected to the second activator when it was killed.
        self.assertLessEqual(broken, faults * 10)
        for activator in (self.activator, self.second):
            wait_for(lambda one=activator: one.revision()["running"] == 0, "no slot to stay taken")
