"""HTTP/2 through the queue-proxy (contract queue-proxy 2 and 3.10, rows 11, 21, 65 to 67, 90, 91).
"""

import json
import shutil
import socket
import subprocess
import unittest

from harness import PROBE, QueueProxyTest, free_ports, wait_for
from http2_peer import Client, GRPC, Http2App


def lower(fields):
    return [(name.lower(), value) for name, value in fields]


class Http2Test(QueueProxyTest):
    def begin_proxy(self, serve=None, early=False, settings=None, **environment):
        """A queue-proxy in front of an HTTP/2 application."""
        self.app = Http2App(serve, early, settings)
        self.addCleanup(self.app.close)
        self.start_in_front(self.app.port, environment)

    def start_in_front(self, port, environment):
        self.start(app=False, environment={"USER_PORT": str(port), **environment})

    def client(self, **more):
        client = Client(self.proxy.port, **more)
        self.addCleanup(client.close)
        return client


class Protocol(Http2Test):
    def test_row_011_health_requests_over_h2c(self):
        self.start()
        client = self.client()
        answer = client.ask(headers=lower(PROBE))
        self.assertEqual((answer.status, answer.body), (200, b"queue"))
        answer = client.ask(headers=[("user-agent", "kube-probe/1.30"),
                                     ("k-network-probe", "test-probe")])
        self.assertEqual((answer.status, answer.body),
                         (400, b"unexpected probe header value: test-probe\n"))
        answer = client.ask(headers=[("k-network-probe", "probe"), ("k-network-hash", "abc")])
        self.assertEqual((answer.status, answer.get("k-network-hash")), (200, "abc"))

    def test_the_settings_that_stock_sends(self):
        self.start()
        client = self.client()
        client.until(lambda: client.settings, "the settings")
        self.assertEqual(client.settings, {3: 250, 4: 1048576, 5: 1048576, 6: 1048896})

    def test_a_preface_in_pieces(self):
        self.begin_proxy()
        whole = socket.create_connection(("127.0.0.1", self.proxy.port), 30)

        class Dripping:
            """Sends each byte alone until the preface is over."""
            def __init__(self, sock):
                self.sock, self.left = sock, 24

            def sendall(self, data):
                for i in range(min(self.left, len(data))):
                    self.sock.sendall(data[i:i + 1])
                rest, self.left = data[self.left:], max(0, self.left - len(data))
                if rest:
                    self.sock.sendall(rest)

            def __getattr__(self, name):
                return getattr(self.sock, name)

        whole.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = self.client(sock=Dripping(whole))
        self.assertEqual(client.ask().body, b"ok")

    def test_the_head_as_the_application_sees_it(self):
        self.begin_proxy()
        self.assertEqual(self.client().ask("POST", "/a/../b?x=%zz", [
            ("cookie", "a=1"), ("cookie", "b=2"), ("x-forwarded-for", "1.2.3.4"),
            ("te", "trailers"), ("knative-serving-revision", "r")], end=True).status, 200)
        stream = self.app.request()[1]
        self.assertEqual(stream.get(":method"), "POST")
        self.assertEqual(stream.get(":path"), "/a/../b?x=%zz")
        self.assertEqual(stream.get(":authority"), "app.example.com")
        self.assertEqual(stream.get("cookie"), "a=1; b=2")
        self.assertEqual(stream.get("te"), "trailers")
        self.assertEqual(stream.get("x-forwarded-for"), "1.2.3.4, 127.0.0.1")
        self.assertIsNone(stream.get("knative-serving-revision"))
        self.assertIsNone(stream.get("host"))

    def test_requests_that_are_none(self):
        self.begin_proxy()
        for headers in ([("connection", "close")], [("transfer-encoding", "chunked")],
                        [("te", "gzip")], [("host", "other.example.com")], [("X-Upper", "1")],
                        [("content-length", "5")], [("content-length", "x")], [("a", "b\0c")]):
            client = self.client()
            self.assertIsNotNone(client.ask("POST", headers=headers).reset, headers)
        self.assertIsNotNone(self.client().ask(path="relative").reset)
        self.assertEqual(self.app.requests, [])

    def test_a_body_longer_than_announced_is_no_message(self):
        self.begin_proxy(early=True, serve=lambda peer, stream: None)
        client = self.client()
        stream = client.begin("POST", headers=[("content-length", "3")], end=False)
        client.data(stream.number, b"more", end=False)
        self.assertIsNotNone(client.finish(stream).reset)

    def test_large_bodies_both_ways(self):
        body = bytes(i % 251 for i in range(700_000))

        def echo(peer, stream):
            peer.headers(stream.number, [(":status", "200")])
            for at in range(0, len(stream.body), 16384):
                while peer.h2.local_flow_control_window(stream.number) < 16384:
                    peer.read()
                peer.data(stream.number, stream.body[at:at + 16384])
            peer.data(stream.number, b"", end=True)

        self.begin_proxy(echo)
        client = self.client()
        client.until(lambda: client.settings, "the settings")
        stream = client.begin("POST", end=False)
        client.data(stream.number, body, end=True)
        self.assertEqual(client.finish(stream).body, body)

    def test_one_stalled_stream_does_not_stop_the_others(self):
        def fill(peer, stream):
            peer.headers(stream.number, [(":status", "200")])
            big = stream.get(":path") == "/big"
            peer.data(stream.number, b"x" * 60000 if big else b"ok", end=not big)

        self.begin_proxy(fill, CONTAINER_CONCURRENCY="0")
        slow = self.client(take_windows=False)
        stream = slow.begin(path="/big")
        slow.until(lambda: stream.body, "the first bytes")
        self.assertEqual(self.client().ask().body, b"ok")
        # One connection to the application carried both.
        self.assertEqual(len(self.app.peers), 1)

    def test_more_connections_past_the_applications_limit(self):
        def wait(peer, stream):
            if stream.get(":path") == "/first":
                Http2App.answer_ok(peer, stream)

        self.begin_proxy(wait, settings={3: 2}, CONTAINER_CONCURRENCY="0")
        client = self.client()
        self.assertEqual(client.ask(path="/first").body, b"ok")  # the limit is known now
        streams = [client.begin() for _ in range(5)]
        wait_for(lambda: len(self.app.requests) == 6, "all requests at the application")
        self.assertEqual(len(self.app.peers), 3)
        for peer, stream in self.app.requests[1:]:
            Http2App.answer_ok(peer, stream)
        self.assertEqual([client.finish(stream).body for stream in streams], [b"ok"] * 5)

    def test_the_limit_holds_for_streams(self):
        self.begin_proxy(lambda peer, stream: None)
        client = self.client()
        streams = [client.begin(path="/%d" % i) for i in range(3)]
        peer, first = self.app.request()
        client.reset(streams[1].number)  # it waits in the line, and never reaches the application
        # Its place is free when this answer comes.
        self.assertEqual(client.ask(headers=lower(PROBE)).status, 200)
        self.assertEqual(len(self.app.requests), 1)
        Http2App.answer_ok(peer, first)
        peer, third = self.app.request(1)
        self.assertEqual(third.get(":path"), "/2")
        Http2App.answer_ok(peer, third)
        client.finish(streams[2])
        self.assertEqual(len(self.app.requests), 2)

    def test_a_departed_clients_slot_stays_taken(self):
        self.begin_proxy(lambda peer, stream: None)
        client = self.client()
        gone = client.begin()
        peer, stream = self.app.request()
        client.reset(gone.number)
        waiting = client.begin()
        self.assertEqual(client.ask(headers=lower(PROBE)).status, 200)
        self.assertEqual(len(self.app.requests), 1)
        self.assertIsNone(stream.reset)
        Http2App.answer_ok(peer, stream)
        peer, stream = self.app.request(1)
        Http2App.answer_ok(peer, stream)
        self.assertEqual(client.finish(waiting).body, b"ok")

    def test_a_refused_stream_is_tried_once_more(self):
        def refuse(peer, stream):
            if len(self.app.requests) == 1:
                peer.reset(stream.number, 7)
            else:
                Http2App.answer_ok(peer, stream)

        self.begin_proxy(refuse)
        self.assertEqual(self.client().ask().body, b"ok")
        self.assertEqual(len(self.app.requests), 2)

    def test_an_application_that_refuses_always_is_502(self):
        self.begin_proxy(lambda peer, stream: peer.reset(stream.number, 7))
        self.assertEqual(self.client().ask().status, 502)
        self.assertEqual(len(self.app.requests), 2)

    def test_an_application_that_breaks_off_breaks_the_stream(self):
        def half(peer, stream):
            peer.headers(stream.number, [(":status", "200")])
            peer.data(stream.number, b"half")
            peer.reset(stream.number, 2)

        self.begin_proxy(half)
        answer = self.client().ask()
        self.assertEqual((answer.status, answer.body, answer.reset), (200, b"half", 2))

    def test_continue_and_other_interim_answers(self):
        def interim(peer, stream):
            peer.headers(stream.number, [(":status", "103"), ("link", "</a>")])
            Http2App.answer_ok(peer, stream)

        self.begin_proxy(interim)
        client = self.client()
        stream = client.begin("POST", headers=[("expect", "100-continue")], end=False)
        client.until(lambda: 100 in stream.interim, "100 Continue")
        client.data(stream.number, b"body", end=True)
        client.finish(stream)
        self.assertEqual((stream.status, stream.interim), (200, [100, 103]))
        self.assertEqual(self.app.request()[1].body, b"body")

    def test_row_067_no_translation_between_versions(self):
        self.start()
        answer = self.client().ask()
        self.assertEqual(answer.status, 502)
        self.begin_proxy()
        self.assertEqual(self.ask().status, 502)

    @unittest.skipUnless(shutil.which("curl"), "curl plays the client")
    def test_curl_with_prior_knowledge(self):
        self.begin_proxy()
        result = subprocess.run(
            ["curl", "-s", "--http2-prior-knowledge", "-d", "@-", "-w", " %{http_version}",
             "http://127.0.0.1:%d/x" % self.proxy.port], input="a" * 200_000, capture_output=True,
            text=True, timeout=30)
        self.assertEqual(result.stdout, "ok 2")
        self.assertEqual(len(self.app.request()[1].body), 200_000)


class Upgrade(Http2Test):
    """Upgrade: h2c. The request that asks goes to the application as HTTP/1.1 (contract 2)."""

    @unittest.skipUnless(shutil.which("curl"), "curl plays the client")
    def test_curl_upgrades(self):
        self.start()
        result = subprocess.run(
            ["curl", "-s", "--http2", "-w", " %{http_version}",
             "http://127.0.0.1:%d/x" % self.proxy.port], capture_output=True, text=True, timeout=30)
        self.assertEqual(result.stdout, "ok 2")
        request = self.app.requests[0]
        self.assertEqual(request.start, "GET /x HTTP/1.1")
        for name in ("Upgrade", "HTTP2-Settings", "Connection"):
            self.assertIsNone(request.get(name), name)

    def test_one_that_cannot_be_granted_is_ignored(self):
        self.start()
        good = [("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"),
                ("HTTP2-Settings", "AAMAAABkAAQAoAAAAAIAAAAA")]
        for headers, body in ((good, "body"), (good[1:] + [("Connection", "Upgrade")], None),
                              (good[:2] + [("HTTP2-Settings", "%%")], None),
                              (good[:2] + [("HTTP2-Settings", "AAMA")], None),
                              (good + good[2:], None)):
            response = self.ask("POST", headers=headers, body=body)
            self.assertEqual((response.status, response.body), (200, b"ok"))
            self.assertIsNone(self.app.requests[-1].get("Upgrade"))


class Grpc(Http2Test):
    def test_row_065_a_unary_call(self):
        def answer(peer, stream):
            peer.headers(stream.number, [(":status", "200"), ("content-type", "application/grpc")])
            peer.data(stream.number, b"\0\0\0\0\x03abc")
            peer.headers(stream.number, [("grpc-status", "0"), ("grpc-message", "fine")], end=True)

        self.begin_proxy(answer)
        client = self.client()
        stream = client.begin("POST", "/pkg.Service/Call", GRPC, end=False)
        client.data(stream.number, b"\0\0\0\0\x02hi", end=True)
        client.finish(stream)
        self.assertEqual((stream.status, stream.body), (200, b"\0\0\0\0\x03abc"))
        self.assertEqual(stream.trailers, [("grpc-status", "0"), ("grpc-message", "fine")])
        self.assertEqual(self.app.request()[1].body, b"\0\0\0\0\x02hi")
        self.assertEqual(self.app.request()[1].get("te"), "trailers")

    def test_row_065_an_answer_of_trailers_only(self):
        def answer(peer, stream):
            peer.headers(stream.number, [(":status", "200"), ("content-type", "application/grpc"),
                                         ("grpc-status", "12")], end=True)

        self.begin_proxy(answer)
        stream = self.client().ask("POST", "/pkg.Service/Call", GRPC)
        self.assertEqual((stream.status, stream.body, stream.trailers), (200, b"", None))
        self.assertEqual(stream.get("grpc-status"), "12")

    def test_row_065_a_stream_both_ways(self):
        self.begin_proxy(lambda peer, stream: peer.headers(stream.number, [(":status", "200")]),
                         early=True)
        client = self.client()
        stream = client.begin("POST", "/pkg.Service/Chat", GRPC, end=False)
        peer, other = self.app.request()
        client.until(lambda: stream.headers, "the head before the end of the request")
        for i in range(5):
            client.data(stream.number, b"ping%d" % i)
            wait_for(lambda n=i: other.body.endswith(b"ping%d" % n), "the message at the app")
            peer.data(other.number, b"pong%d" % i)
            client.until(lambda n=i: stream.body.endswith(b"pong%d" % n), "its answer")
        client.data(stream.number, b"", end=True)
        wait_for(lambda: other.ended, "the end of the request")
        peer.headers(other.number, [("grpc-status", "0")], end=True)
        self.assertEqual(client.finish(stream).grpc_status, "0")

    def test_row_065_trailers_of_a_request_do_not_break_it(self):
        self.begin_proxy()
        client = self.client()
        stream = client.begin("POST", end=False)
        client.data(stream.number, b"body")
        client.headers(stream.number, [("x-sum", "1")], end=True)
        self.assertEqual(client.finish(stream).body, b"ok")

    def test_row_066_a_cancelled_call_is_reset_at_the_application(self):
        self.begin_proxy(lambda peer, stream: None, CONTAINER_CONCURRENCY="0")
        client = self.client()
        stream = client.begin("POST", "/pkg.Service/Call", GRPC)
        other = client.begin()
        self.app.request(1)
        app_stream = next(s for _, s in self.app.requests if s.get(":method") == "POST")
        client.reset(stream.number)
        wait_for(lambda: app_stream.reset is not None, "the reset at the application")
        self.assertEqual(app_stream.reset, 8)
        peer, rest = next(r for r in self.app.requests if r[1] is not app_stream)
        Http2App.answer_ok(peer, rest)
        self.assertEqual(client.finish(other).body, b"ok")


class Ending(Http2Test):
    def test_row_021_streams_are_waited_for_and_may_still_begin(self):
        self.begin_proxy(lambda peer, stream: None, CONTAINER_CONCURRENCY="0",
                         SLUICE_DRAIN_QUIET="200ms")
        client = self.client()
        first = client.begin()
        self.app.request()
        self.proxy.signal()

        def refused():
            try:
                socket.create_connection(("127.0.0.1", self.proxy.port), 1).close()
            except ConnectionRefusedError:
                return True
            return False

        wait_for(refused, "the listener to close")
        second = client.begin()
        self.app.request(1)
        for peer, stream in self.app.requests:
            Http2App.answer_ok(peer, stream)
        self.assertEqual(client.finish(first).body, b"ok")
        self.assertEqual(client.finish(second).body, b"ok")
        self.assertIsNone(client.goaway)
        self.assertEqual(self.proxy.exit_code(), 0)

    def test_an_idle_connection_does_not_hold_the_end_up(self):
        self.begin_proxy()
        client = self.client()
        self.assertEqual(client.ask().body, b"ok")
        self.proxy.signal()
        self.assertEqual(self.proxy.exit_code(), 0)


class Probes(Http2Test):
    def probing(self, serve=None, **probe):
        self.app = Http2App(serve)
        self.addCleanup(self.app.close)
        next(value for value in probe.values() if isinstance(value, dict))["port"] = self.app.port
        self.start_in_front(self.app.port, {"SERVING_READINESS_PROBE": json.dumps(probe)})

    def ready(self):
        response = self.ask(headers=PROBE)
        self.assertIn((response.status, response.body), ((200, b"queue"), (503, b"")))
        return response.status == 200

    @staticmethod
    def health(status, grpc_status="0"):
        def answer(peer, stream):
            peer.headers(stream.number, [(":status", "200"), ("content-type", "application/grpc")])
            peer.data(stream.number, b"\0\0\0\0\x02\x08" + bytes([status]))
            peer.headers(stream.number, [("grpc-status", grpc_status)], end=True)
        return answer

    def test_row_091_a_serving_grpc_server_is_ready(self):
        self.probing(self.health(1), grpc={"service": "img"}, periodSeconds=1)
        self.assertTrue(self.ready())
        stream = self.app.request()[1]
        self.assertEqual(stream.get(":path"), "/grpc.health.v1.Health/Check")
        self.assertEqual(stream.get("content-type"), "application/grpc")
        self.assertTrue(stream.get("user-agent").startswith("kube-probe/"))
        self.assertEqual(stream.body, b"\0\0\0\0\x05\x0a\x03img")

    def test_row_091_another_answer_is_not(self):
        for answer in (self.health(2), self.health(1, "5"),
                       lambda peer, stream: peer.headers(
                           stream.number, [(":status", "200"), ("grpc-status", "12")], end=True)):
            self.probing(answer, grpc={}, periodSeconds=1)
            self.assertFalse(self.ready())

    def test_row_091_a_port_without_grpc_is_not(self):
        port = free_ports(1)[0]
        probe = {"grpc": {"port": port}, "periodSeconds": 1}
        self.start_in_front(port, {"SERVING_READINESS_PROBE": json.dumps(probe)})
        self.assertFalse(self.ready())
        self.start(environment=lambda app: {"SERVING_READINESS_PROBE": json.dumps(
            {"grpc": {"port": app}, "periodSeconds": 1})})
        self.assertFalse(self.ready())

    def detecting(self, statuses):
        """An application whose answer depends on the protocol: {"2": status, "1": status}."""
        def http2(peer, stream):
            peer.headers(stream.number, [(":status", str(statuses["2"]))], end=True)

        if "2" in statuses:
            app = self.app = Http2App(http2)
            self.addCleanup(app.close)
        else:
            app = None
        probe = {"httpGet": {"path": "/health", "httpHeaders": [{"name": "X-User", "value": "1"}]},
                 "periodSeconds": 1}

        def respond(request, connection):
            connection.send("HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % statuses["1"])
            return False

        def environment(port):
            probe["httpGet"]["port"] = app.port if app else port
            return {"SERVING_READINESS_PROBE": json.dumps(probe),
                    "ENABLE_HTTP2_AUTO_DETECTION": "true"}

        self.start(None if app else respond, environment=environment, app=app is None)
        return self.ready()

    def test_row_090_http2_is_asked_first_and_then_with_the_users_headers(self):
        self.assertTrue(self.detecting({"2": 200}))
        users = [stream.get("x-user") for _, stream in self.app.requests]
        self.assertEqual(users, [None, "1"])

    def test_row_090_an_http1_application_is_asked_as_such(self):
        self.assertTrue(self.detecting({"1": 200}))
        self.assertIsNone(self.app.requests[-1].get("X-User"))
        self.assertEqual(self.app.requests[-1].target, "/health")

    def test_row_090_neither_is_not_ready(self):
        self.assertFalse(self.detecting({"1": 500}))
        self.assertFalse(self.detecting({"2": 503}))
