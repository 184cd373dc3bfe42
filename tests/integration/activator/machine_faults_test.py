"""What faults_test.py does to pods, done to the activators and to the machine: an activator is killed, two
of them are restarted one after the other, packets are lost, a pod's network is cut, files and memory run
out, the clock jumps. The verdict is the same: every request ends once and truthfully, none runs twice, no
application has more than its limit, and all is well again without help."""

import contextlib
import os
import random
import signal
import socket
import threading
import time

from activator_harness import Activator, ActivatorTest, HOST, revision
from fault_world import World
from harness import Connection, DEADLINE, free_ports, request_text, wait_for
from machine_faults import Clock, MemoryGroup, Network, cpu_seconds, leave_files

PODS = 3
AFFINITY = {"serving.knative.dev.alibabacloud/affinity": "cookie"}


class MachineFaults(ActivatorTest):
    def begin_world(self, *arguments, annotations=None, seed=1, **how):
        self.world = World(self, PODS)
        self.start([revision(self.world.pods, annotations=annotations)], *arguments)
        self.begin_load(contextlib.nullcontext(), seed, **how)

    def begin_far_world(self, **more):
        """The activator here, pods and clients behind a link that may become bad."""
        self.network = Network(self)
        self.enterContext(self.network.near.inside())
        with self.network.far.inside():
            self.world = World(self, PODS, address=Network.FAR)
        self.start([revision(self.world.pods, **more)], address=Network.NEAR)
        self.begin_load(self.network.far.inside(), 1)

    def begin_load(self, place, seed, **how):
        self.wait_ready(PODS)
        self.files_before = self.activator.files()
        self.pod_files_before = [pod.files() for pod in self.world.pods]
        with place:
            self.world.begin_load(self.activator.connect, seed, **how)
        self.world.load.wait_served(20)

    def is_well(self):
        self.wait_ready(PODS)
        self.world.load.wait_served(6 * PODS)

    def judge(self):
        self.world.judge()
        wait_for(lambda: self.activator.revision()["running"] == 0, "no slot to stay taken")
        wait_for(lambda: self.activator.files() <= self.files_before + 2 * PODS + 2, "files to be given back")
        # Of the activator and to the application, two kept connections each.
        for pod, before in zip(self.world.pods, self.pod_files_before):
            wait_for(lambda one=pod, most=before + 4: one.files() <= most, "a queue-proxy's files to be given back")

    def test_packets_are_late_and_lost(self):
        self.begin_far_world()
        before = self.network.become(delay=0.01, jitter=0.005, loss=0.03)
        self.world.load.wait_served(100)
        between = self.network.become(delay=0.1, jitter=0.05, loss=0.1)
        self.world.load.wait_served(12)
        after = self.network.become()
        print("the link:", before, between, after, flush=True)
        # Five packets a request at the very least, on its way to the activator and on to the pod.
        self.assertGreater(between["moved"] - before["moved"], 500)
        self.assertGreater(between["lost"] - before["lost"], 5)
        self.assertGreater(after["lost"] - between["lost"], 0)
        self.is_well()
        self.judge()

    def test_a_pods_network_is_cut(self):
        self.begin_far_world()
        both_ways = ((Network.TO_NEAR,), (Network.TO_FAR,), (Network.TO_NEAR, Network.TO_FAR))
        for pod, directions in zip(self.world.pods, both_ways):
            with self.subTest(directions=directions):
                self.network.become(dead=[(direction, pod.port) for direction in directions])
                self.world.load.wait_served(20)  # by the others
                self.network.become()
                self.is_well()
        self.judge()

    def test_a_pod_is_cut_off_for_longer_than_its_request_may_take(self):
        self.begin_far_world(timeoutSeconds=2)
        port = self.world.pods[0].port
        self.network.become(dead=[(Network.TO_NEAR, port), (Network.TO_FAR, port)])
        wait_for(lambda: 504 in list(self.world.load.ended.values()), "a request there to end with 504")
        self.world.load.wait_served(20)  # by the others
        self.network.become()
        self.is_well()
        self.judge()

    def test_no_more_files(self):
        self.begin_world(clients=8)
        targets = [(self.activator.process.pid, 2), (self.world.pods[0].proxy.process.pid, 0)]
        for pid, left in targets:
            restore = leave_files(pid, left)
            self.addCleanup(lambda undo=restore: undo() if os.path.exists("/proc/%d" % pid) else None)
            began, burnt = time.monotonic(), cpu_seconds(pid)
            self.world.load.wait_served(30)
            # Accepting fails and fails again: that must not be a busy loop.
            self.assertLess(cpu_seconds(pid) - burnt, 0.5 + 0.8 * (time.monotonic() - began))
            restore()
            self.is_well()
        self.judge()

    def test_the_application_runs_out_of_memory(self):
        group = MemoryGroup(self, 64 << 20)
        self.begin_world()
        pod = self.world.pods[0]
        pod.app.kill()
        pod.app.wait()
        pod.start_app(preexec_fn=group.enter)
        self.is_well()
        statuses = []
        while pod.app.poll() is None:
            connection = self.activator.connect()
            self.addCleanup(connection.close)
            connection.send(request_text("POST", "/run", body="eat-%d" % len(statuses), host=HOST))
            statuses.append(connection.read_response().status)
            self.assertLess(len(statuses), 200, "no application was ever killed")
        self.assertEqual(pod.app.wait(), -signal.SIGKILL)
        # The request that did it has begun to run: it is not run elsewhere, and its client is told so. By the
        # time that we hear of the death, others may have been served by the other pods.
        self.assertEqual((statuses.count(502), statuses.count(200)), (1, len(statuses) - 1), statuses)
        pod.start_app()
        self.is_well()
        self.judge()

    def test_the_clock_jumps(self):
        clock = Clock(self.folder)
        self.environment = {**os.environ, **clock.environment}
        Activator.environment = self.environment
        self.addCleanup(setattr, Activator, "environment", None)
        self.begin_world(annotations=AFFINITY, departing=0)
        cookie = self.ask("POST", "/run", body="first").get("Set-Cookie").split(";")[0]

        def renewed():
            name = "asked-%d" % random.randrange(1 << 40)
            return self.ask("POST", "/run", (("Cookie", cookie),), name).get("Set-Cookie") is not None
        self.assertFalse(renewed())
        for offset in ("+86400", "-86400", "+0", "-3600", "+3600", "+0"):
            clock.jump(offset)
            self.is_well()
        # A day later the cookie was over; back at the time when it was made it is good again.
        self.assertFalse(renewed())
        clock.jump("+86400")
        self.assertTrue(renewed())
        clock.jump("+0")
        self.judge()
        self.assertEqual(set(self.world.load.ended.values()), {200})


class Balancer:
    """One address before several activators: a new connection goes to the next that takes it."""

    def __init__(self, ports):
        self.ports = list(ports)
        self.turn = 0
        self.lock = threading.Lock()

    def connect(self):
        for _ in range(200):
            with self.lock:
                self.turn += 1
                port = self.ports[self.turn % len(self.ports)]
            try:
                return Connection(socket.create_connection(("127.0.0.1", port), DEADLINE))
            except ConnectionRefusedError:
                time.sleep(0.005)
        raise ConnectionRefusedError("nobody listens")


class TwoActivators(ActivatorTest):
    def begin_pair(self, **how):
        self.world = World(self, PODS)
        self.ports = [free_ports(2) for _ in range(2)]
        self.pair = [self.start_one(i) for i in range(2)]
        self.balancer = Balancer([ports[0] for ports in self.ports])
        self.world.begin_load(self.balancer.connect, 1, clients=8, **how)
        self.world.load.wait_served(30)

    def start_one(self, i):
        activator = Activator(self.folder, [revision(self.world.pods)], ("--drain-delay", "1s"), ports=self.ports[i])
        self.addCleanup(activator.close)
        wait_for(lambda: activator.revision()["pods_ready"] == PODS, "pods to be ready")
        return activator

    def test_an_activator_is_killed(self):
        self.begin_pair(may_break=True)
        for i in (0, 1, 0, 1):
            before = self.world.load.broken
            self.pair[i].process.send_signal(signal.SIGKILL)
            self.pair[i].process.wait()
            self.world.load.wait_served(30)  # by the other
            # Only those that were connected to it, each with one request.
            self.assertLessEqual(self.world.load.broken - before, 8)
            self.pair[i] = self.start_one(i)
            self.world.load.wait_served(30)
        self.world.judge()
        self.assertLessEqual(set(self.world.load.ended.values()), {200, None})
        for activator in self.pair:
            wait_for(lambda one=activator: one.revision()["running"] == 0, "no slot to stay taken")

    def test_two_activators_are_restarted_one_after_the_other(self):
        """As Kubernetes does it: told to end, no new connections from the balancer, the drain delay, the end."""
        self.begin_pair(departing=0)
        for i in (0, 1):
            self.pair[i].process.terminate()
            self.balancer.ports = [self.ports[1 - i][0]]
            self.assertEqual(self.pair[i].exit_code(), 0)
            self.pair[i] = self.start_one(i)
            self.balancer.ports = [ports[0] for ports in self.ports]
            self.world.load.wait_served(30)
        self.world.judge()
        self.assertEqual(set(self.world.load.ended.values()), {200})
