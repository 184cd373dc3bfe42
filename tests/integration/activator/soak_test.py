"""Mixed load with faults for SOAK_SECONDS (180): what leaks, leaks here.

Time is compressed: a run that takes a second takes 1/SOAK_COMPRESSION (100) of it here, so an hour is four
days of requests. Two activators before four pods; clients that keep their connections, that connect for each
request, that have a session, that leave. All the time something breaks or is restarted: pods in all ways of
faults_test.py, the second activator by kill -9 and by hand-over. The first activator and the first pod's
queue-proxy live through all of it: their memory, open files and armed timers must be flat (the middle of the
last quarter against that of the second), and the process must have the threads that it had.

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
from harness import free_ports, request_text, wait_for

SECONDS = int(os.environ.get("SOAK_SECONDS", 180))
COMPRESSION = float(os.environ.get("SOAK_COMPRESSION", 100))
PODS = 4
CLIENTS = 10
AFFINITY = {"serving.knative.dev.alibabacloud/affinity": "cookie"}
# glibc's allocator and our caches settle within the first quarter; what is left is noise of this size.
MEMORY_NOISE_KB = 1024 if "ASAN_OPTIONS" not in os.environ else 65536
FILES_NOISE = 2 * PODS + 8
# Each connection may have one, and so may each pod.
TIMERS_NOISE = 2 * CLIENTS + 2 * PODS
POD_FAULTS = ("kill_app", "kill_proxy", "kill_both", "stop_app_for_a_while", "stop_proxy_for_a_while", "drain_proxy")
# Of the pod whose queue-proxy is watched: what its application can do to it.
WATCHED_POD_FAULTS = ("kill_app", "stop_app_for_a_while")


class Watched:
    """A process that lives through it all, looked at after each fault. `connect`: to its metrics."""

    def __init__(self, name, pid, connect):
        self.name = name
        self.pid = pid
        self.connect = connect
        self.seen = {"memory, KiB": [], "open files": [], "timers": []}
        self.threads_before = self.threads()

    def status(self, field):
        with open("/proc/%d/status" % self.pid, encoding="ascii") as file:
            return int([line for line in file if line.startswith(field + ":")][0].split()[1])

    def threads(self):
        return self.status("Threads")

    def timers(self):
        connection = self.connect()
        connection.send(request_text(target="/metrics"))
        text = connection.read_response().body.decode()
        connection.close()
        return [int(line.split()[1]) for line in text.splitlines() if line.startswith("sluice_timers ")][0]

    def look(self):
        now = (self.status("VmRSS"), len(os.listdir("/proc/%d/fd" % self.pid)), self.timers())
        for values, value in zip(self.seen.values(), now):
            values.append(value)

    @staticmethod
    def quarters(values):
        size = len(values) // 4
        return [statistics.median(values[number * size:(number + 1) * size]) for number in range(4)]

    def judge(self, test):
        for (what, values), noise in zip(self.seen.items(), (MEMORY_NOISE_KB, FILES_NOISE, TIMERS_NOISE)):
            quarters = self.quarters(values)
            print("%s, %s: %s at first, %s at the end; by quarter: %s" % (
                self.name, what, values[0], values[-1], " ".join("%g" % value for value in quarters)), flush=True)
            test.assertLessEqual(quarters[3], quarters[1] + noise, "%s, %s" % (self.name, what))
        test.assertEqual(self.threads(), self.threads_before, self.name)


class Soak(ActivatorTest):
    def begin_second(self, ports):
        arguments = ("--handover", os.path.join(self.folder, "second"), "--drain-delay", "1s", *self.keys)
        second = Activator(self.folder, [revision(self.world.pods, annotations=AFFINITY)], arguments, ports=ports)
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
        print("SOAK_SEED=%d SOAK_SECONDS=%d SOAK_COMPRESSION=%g" % (seed, SECONDS, COMPRESSION), flush=True)
        chosen = random.Random(seed)
        self.lock, self.turn = threading.Lock(), 0
        self.world = World(self, PODS, run_seconds=1 / COMPRESSION)
        self.keys = ("--cookie-key-file", os.path.join(self.folder, "keys"))
        with open(self.keys[1], "w", encoding="ascii") as file:
            file.write(random.randbytes(32).hex() + "\n")
        self.start([revision(self.world.pods, annotations=AFFINITY)], *self.keys)
        self.second_ports = free_ports(2)
        self.second = self.begin_second(self.second_ports)
        first, proxy = self.activator, self.world.pods[0].proxy
        watched = [Watched("activator", first.process.pid, lambda: first.connect(first.admin)),
                   Watched("queue-proxy", proxy.process.pid, lambda: proxy.connect(proxy.metrics))]
        self.world.begin_load(self.connect, seed, clients=CLIENTS, kept=4, sessions=4, may_break=True)
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
        self.world.load.end()
        for one in watched:
            one.judge(self)
        self.world.judge()
        # Only those who were connected to the second activator when it was killed.
        self.assertLessEqual(broken, faults * CLIENTS)
        for activator in (self.activator, self.second):
            wait_for(lambda one=activator: one.revision()["running"] == 0, "no slot to stay taken")
