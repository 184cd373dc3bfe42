"""Restarts under load: a new activator takes the sockets of the running one (--handover), and no client
notices. The applications' journals and the clients' answers are compared as after any fault; here, no answer
but 200 is good enough."""

import os
import signal
import socket
import stat

from activator_harness import Activator, ActivatorTest, HOST, revision
from fault_world import World
from harness import DEADLINE, Gate, request_text, wait_for
from http2_peer import Client, Http2App
from http2_test import Pod as Http2Pod

AFFINITY = {"serving.knative.dev.alibabacloud/affinity": "cookie"}
RESTARTS = int(os.environ.get("RESTARTS", 8))


class Restart(ActivatorTest):
    def handover(self):
        return os.path.join(self.folder, "handover")

    def begin_first(self, revisions, *more):
        self.arguments = ("--handover", self.handover(), *more)
        if "--drain-delay" not in more:
            self.arguments += ("--drain-delay", "30s")
        self.start(revisions, *self.arguments)
        self.revisions = revisions

    def successor(self, **more):
        """A new activator with the same command line; returns the old one."""
        old = self.activator
        options = {"ports": (old.port, old.admin), **more}
        self.activator = Activator(self.folder, self.revisions, self.arguments, **options)
        self.addCleanup(self.activator.close)
        return old

    def test_no_client_notices_restarts_under_load(self):
        world = World(self, 3)
        self.begin_first([revision(world.pods)])
        self.wait_ready(3)
        # More clients than pods: somebody always waits. Half of them keep their connections.
        world.begin_load(self.activator.connect, 1, clients=12, kept=6, departing=0)
        for _ in range(RESTARTS):
            world.load.wait_served(30)
            old = self.successor()
            self.assertEqual(old.exit_code(), 0)
            self.assertTrue(old.logged('"handed_over"'))
            self.assertIn('"took_over":true', self.activator.logged('"started"')[0])
        world.load.wait_served(30)
        world.judge()
        self.assertEqual(set(world.load.ended.values()), {200})
        self.assertEqual(self.activator.process.poll(), None)

    def test_whoever_waits_at_the_old_one_is_served_there(self):
        pod = self.pod("sd-a")
        self.begin_first([revision([pod])])
        self.wait_ready(1)
        running = self.begin()
        self.wait_inside(pod)
        waiting = [self.begin() for _ in range(3)]
        self.wait_state(waiting=3)
        old = self.successor()
        self.wait_ready(1)
        late = self.begin()
        wait_for(lambda: len(pod.requests) == 1 and old.logged('"handed_over"'), "the hand-over")
        self.assertIsNone(old.process.poll())
        pod.let_go(5)
        for connection in (running, *waiting, late):
            self.assertEqual(connection.read_response().status, 200)
        self.assertEqual(old.exit_code(), 0)
        self.assertEqual(pod.at_once_max, 1)

    def test_an_idle_connection_gets_one_more_answer_and_a_session_lives_on(self):
        pod = self.pod("sd-a")
        self.begin_first([revision([pod], annotations=AFFINITY)])
        self.wait_ready(1)
        pod.let_go(100)
        kept = self.begin()
        cookie = kept.read_response().get("Set-Cookie").split(";")[0]
        old = self.successor()
        self.wait_ready(1)
        self.assertIsNone(old.process.poll())
        kept.send(request_text(headers=(("Cookie", cookie),), host=HOST))
        response = kept.read_response()
        self.assertEqual((response.status, response.get("Connection")), (200, "close"))
        self.assertTrue(kept.at_end())
        self.assertEqual(old.exit_code(), 0)
        # Signed by a key that only the old one had made.
        self.assertIsNone(self.ask(headers=(("Cookie", cookie),)).get("Set-Cookie"))

    def test_http2_is_told_to_go_on_elsewhere_and_what_it_asked_is_answered(self):
        gate = Gate()

        def serve(peer, stream):
            gate.wait()
            Http2App.answer_ok(peer, stream)
        pod = Http2Pod("sd-a", serve=serve)
        self.addCleanup(pod.close)
        self.begin_first([revision([pod])])
        self.wait_ready(1)
        client = Client(self.activator.port)
        streams = [client.begin("POST", host=HOST) for _ in range(2)]
        self.wait_state(waiting=1)
        old = self.successor()
        client.until(lambda: client.goaway is not None, "GOAWAY")
        gate.open(2)
        for stream in streams:
            self.assertEqual(client.finish(stream).status, 200)
        self.assertEqual(client.goaway, 0)
        client.close()
        self.assertEqual(old.exit_code(), 0)

    def test_connections_without_a_request_are_closed_after_the_drain_delay(self):
        self.begin_first([revision([])], "--drain-delay", "0s")
        kept = self.activator.connect()
        self.addCleanup(kept.close)
        old = self.successor()
        self.assertTrue(kept.at_end())
        self.assertEqual(old.exit_code(), 0)

    def test_a_successor_that_cannot_start_changes_nothing(self):
        pod = self.pod("sd-a")
        self.begin_first([revision([pod])], "--drain-delay", "0s")
        self.wait_ready(1)
        pod.let_go(100)
        first = self.activator
        failed = self.successor(wait=False, pods_text="no JSON") and self.activator
        self.assertEqual(failed.exit_code(), 1)
        self.activator = first
        self.assertEqual(self.ask().status, 200)
        first.write(self.revisions)
        self.assertEqual(self.successor().exit_code(), 0)
        self.wait_ready(1)
        self.assertEqual(self.ask().status, 200)

    def test_somebody_who_only_connects_changes_nothing(self):
        pod = self.pod("sd-a")
        self.begin_first([revision([pod])], "--drain-delay", "0s")
        self.wait_ready(1)
        pod.let_go(100)
        self.assertEqual(stat.S_IMODE(os.stat(self.handover()).st_mode), 0o600)
        for said in (b"", b"read", b"nonsense that is longer"):
            peer = self.local_peer()
            peer.send(said)
            peer.recv(1)
            peer.close()
        self.assertEqual(self.ask().status, 200)
        self.assertEqual(self.successor().exit_code(), 0)

    def local_peer(self):
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(peer.close)
        peer.settimeout(DEADLINE)
        peer.connect(self.handover())
        return peer

    def test_after_a_kill_the_next_one_starts_by_itself(self):
        self.begin_first([revision([])])
        self.activator.process.send_signal(signal.SIGKILL)
        self.activator.process.wait()
        self.successor()
        self.assertIn('"took_over":false', self.activator.logged('"started"')[0])
        self.activator.process.terminate()
        self.activator.process.terminate()

    def test_the_socket_goes_away_with_the_last_one(self):
        self.begin_first([revision([])], "--drain-delay", "0s")
        self.successor().exit_code()
        self.assertTrue(os.path.exists(self.handover()))
        self.activator.process.terminate()
        self.assertEqual(self.activator.exit_code(), 0)
        self.assertFalse(os.path.exists(self.handover()))

    def test_a_file_of_somebody_else_is_left_alone(self):
        with open(self.handover(), "w", encoding="ascii") as file:
            file.write("precious")
        with self.assertRaisesRegex(AssertionError, "--handover .*(no socket|[Rr]efused|Socket operation)"):
            self.begin_first([revision([])])
        with open(self.handover(), encoding="ascii") as file:
            self.assertEqual(file.read(), "precious")

