"""HTTP/2 from the client through the activator and a real queue-proxy to the application (rows 29,
52 and 55)."""

import signal
import subprocess

from activator_harness import ActivatorTest, HOST, revision
from harness import DEADLINE, QueueProxy, wait_for
from http2_peer import Client, GRPC, Http2App


class Pod:
    def __init__(self, name, **app):
        self.name = name
        self.app = Http2App(**app)
        self.proxy = QueueProxy(self.app.port)

    def entry(self):
        return {"name": self.name, "address": "127.0.0.1:%d" % self.proxy.port}

    def close(self):
        self.app.close()
        self.proxy.close()


class Http2(ActivatorTest):
    def start_with_pod(self, serve=None, early=False, **more):
        pod = Pod("sd-a", serve=serve, early=early)
        self.addCleanup(pod.close)
        self.start([revision([pod], **more)])
        self.wait_ready(1)
        self.client = Client(self.activator.port)
        self.addCleanup(self.client.close)
        return pod

    def test_requests_and_what_is_said_about_them(self):
        self.start_with_pod()
        answer = self.client.ask("POST", host=HOST)
        self.assertEqual((answer.status, answer.body), (200, b"ok"))
        self.assertEqual(answer.get("sluice-pod"), "sd-a")
        self.assertIn("run;dur=", answer.get("server-timing"))

    def test_row_029_a_stream_that_is_reset(self):
        self.start([revision()])
        client = Client(self.activator.port)
        self.addCleanup(client.close)
        gone, kept = client.begin(host=HOST), client.begin(host=HOST)
        self.wait_state(waiting=2)
        client.reset(gone.number)
        self.wait_state(waiting=1)
        self.assertEqual(self.activator.revision()["totals"]["abandoned"], 1)
        client.reset(kept.number)
        self.wait_state(waiting=0)

    def test_row_052_a_grpc_stream_both_ways(self):
        pod = self.start_with_pod(
            lambda peer, stream: peer.headers(stream.number, [(":status", "200")]), early=True)
        stream = self.client.begin("POST", "/pkg.Service/Chat", GRPC, end=False, host=HOST)
        # A body whose end is not known waits until a pod has taken the request.
        self.client.data(stream.number, b"ping0")
        peer, other = pod.app.request()
        for i in range(1, 4):
            wait_for(lambda n=i: other.body.endswith(b"ping%d" % (n - 1)), "the message")
            peer.data(other.number, b"pong%d" % i)
            self.client.until(lambda n=i: stream.body.endswith(b"pong%d" % n), "its answer")
            self.client.data(stream.number, b"ping%d" % i)
        self.client.data(stream.number, b"", end=True)
        wait_for(lambda: other.ended, "the end of the request")
        peer.headers(other.number, [("grpc-status", "0"), ("grpc-message", "bye")], end=True)
        self.client.finish(stream)
        self.assertEqual(stream.trailers, [("grpc-status", "0"), ("grpc-message", "bye")])

    def test_row_055_a_running_stream_ends_after_sigterm(self):
        # curl, because the h2 library takes GOAWAY for the end of the streams under way too.
        pod = self.start_with_pod(lambda peer, stream: None)
        client = subprocess.Popen(
            ["curl", "-s", "--http2-prior-knowledge", "-H", "Host: " + HOST, "-w", " %{http_version}",
             "http://127.0.0.1:%d/" % self.activator.port], stdout=subprocess.PIPE, text=True)
        self.addCleanup(client.stdout.close)
        peer, stream = pod.app.request()
        self.activator.process.send_signal(signal.SIGTERM)
        self.client.until(lambda: self.client.goaway is not None, "GOAWAY on an idle connection")
        self.assertEqual(self.client.goaway, 0)
        self.assertIsNone(self.activator.process.poll())
        Http2App.answer_ok(peer, stream)
        self.assertEqual(client.communicate(timeout=DEADLINE)[0], "ok 2")
        self.assertEqual(self.activator.exit_code(), 0)

    def test_a_cancelled_call_keeps_its_slot_until_the_application_has_ended(self):
        pod = self.start_with_pod(lambda peer, stream: None)
        gone = self.client.begin(path="/gone", host=HOST)
        peer, other = pod.app.request()
        self.client.reset(gone.number)
        waiting = self.client.begin(path="/next", host=HOST)
        # The queue-proxy refuses it: the slot is held.
        wait_for(lambda: self.activator.revision()["totals"]["abandoned"] == 1, "the departure")
        self.wait_state(waiting=1)
        self.assertEqual(len(pod.app.requests), 1)
        Http2App.answer_ok(peer, other)
        peer, other = pod.app.request(1)
        self.assertEqual(other.get(":path"), "/next")
        Http2App.answer_ok(peer, other)
        self.assertEqual(self.client.finish(waiting).body, b"ok")

    def test_a_pod_that_dies_is_said_so(self):
        pod = self.start_with_pod(lambda peer, stream: None)
        stream = self.client.begin("POST", host=HOST)
        pod.app.request()
        pod.proxy.process.kill()
        answer = self.client.finish(stream)
        self.assertEqual((answer.status, answer.get("content-type")),
                         (502, "application/problem+json"))
