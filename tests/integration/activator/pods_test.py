"""Which pod gets what, and what happens when pods and clients come and go (rows 14 to 30, 45, 53, 66, 67)."""

import time

from activator_harness import ActivatorTest, HOST, revision
from harness import Broken, free_ports, request_text, wait_for


class Choice(ActivatorTest):
    def start_pods(self, count, concurrency):
        pods = [self.pod("sd-%c" % (97 + i)) for i in range(count)]
        self.start([revision(pods, concurrency=concurrency)])
        self.wait_ready(count)
        return pods

    def test_row_014_one_each_and_the_third_waits(self):
        pods = self.start_pods(2, 1)
        begun = [self.begin() for _ in range(3)]
        for pod in pods:
            self.wait_inside(pod)
        self.wait_state(waiting=1, running=2)
        pods[1].let_go(2)
        wait_for(lambda: len(pods[1].requests) == 2, "the third request")
        pods[0].let_go()
        self.assertEqual(sorted(c.read_response().body for c in begun),
                         [b"sd-a", b"sd-b", b"sd-b"])
        self.assertEqual([pod.at_once_max for pod in pods], [1, 1])

    def test_row_015_and_016_parallel_requests_spread(self):
        for concurrency, count in ((3, 5), (5, 3)):
            pods = self.start_pods(count, concurrency)
            begun = [self.begin() for _ in range(3)]
            wait_for(lambda: sum(pod.inside for pod in pods) == 3, "three inside")
            self.assertEqual(max(pod.inside for pod in pods), 1)
            for pod in pods:
                pod.let_go(3)
            for connection in begun:
                self.assertEqual(connection.read_response().status, 200)

    def test_row_017_without_a_limit_nobody_waits(self):
        pods = self.start_pods(2, 0)
        begun = [self.begin() for _ in range(100)]
        wait_for(lambda: sum(pod.inside for pod in pods) == 100, "all inside")
        self.assertTrue(all(40 <= pod.inside <= 60 for pod in pods))
        for pod in pods:
            pod.let_go(100)
        for connection in begun:
            self.assertEqual(connection.read_response().status, 200)

    def test_row_018_a_cold_start(self):
        pod = self.pod("sd-a", ready=False)
        self.start([revision([pod])])
        connection = self.begin()
        self.wait_state(waiting=1, pods_ready=0)
        wait_for(lambda: pod.probes >= 2, "the pod to be probed")
        self.assertEqual(pod.requests, [])
        pod.let_go()
        pod.ready = True
        response = connection.read_response()
        self.assertEqual(response.body, b"sd-a")
        self.assertIn("cold;dur=", response.get("Server-Timing"))

    def test_row_038_only_the_exact_answer_is_ready(self):
        pod = self.pod("sd-a", ready=False)
        self.start([revision([pod])])
        for body in ("Queue", "", "queue "):
            pod.say_readiness = lambda connection, body=body: connection.send(
                "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            before = pod.probes
            wait_for(lambda: pod.probes >= before + 2, "the pod to be probed")
            self.assertEqual(self.activator.revision()["pods_ready"], 0)
        del pod.say_readiness
        pod.ready = True
        self.wait_ready(1)

    def test_row_019_no_pod_in_time_is_504(self):
        self.start([revision(annotations={"sluice.dev/cold-start-timeout": "200ms"})])
        self.problem(self.ask(), 504, "cold-start-timeout")
        self.wait_state(waiting=0)

    def test_row_023_a_busy_pod_that_leaves_takes_only_its_own_slot(self):
        a, b = self.start_pods(2, 1)
        begun = [self.begin() for _ in range(2)]
        self.wait_inside(a)
        self.wait_inside(b)
        self.activator.reload([revision([a])])
        a.let_go(2)
        self.assertEqual(self.ask().body, b"sd-a")
        b.let_go()
        self.assertEqual(sorted(c.read_response().body for c in begun), [b"sd-a", b"sd-b"])

    def test_row_024_a_pod_that_returns_is_busy_with_its_old_request(self):
        a, b = self.start_pods(2, 1)
        old = self.begin()
        self.wait_inside(a)
        self.activator.reload([revision([b])])
        self.activator.reload([revision([a, b])])
        self.wait_ready(2)
        b.let_go()
        self.assertEqual(self.ask().body, b"sd-b")
        younger = [self.begin(), self.begin()]
        self.wait_inside(b)
        self.wait_state(waiting=1)
        # Whichever of the two ends first gets the third.
        a.let_go(2)
        b.let_go(2)
        for connection in [old, *younger]:
            self.assertEqual(connection.read_response().status, 200)
        self.assertEqual(a.at_once_max, 1)

    def test_row_045_all_pods_vanish_and_requests_wait(self):
        (a,) = self.start_pods(1, 1)
        self.activator.reload([revision([])])
        connection = self.begin()
        self.wait_state(waiting=1, pods_ready=0)
        self.activator.reload([revision([a])])
        a.let_go()
        self.assertEqual(connection.read_response().body, b"sd-a")

    def test_row_064_a_revision_goes_while_requests_wait(self):
        self.start([revision(), revision(service="other")])
        connection = self.begin()
        self.wait_state(waiting=1)
        self.activator.reload([revision(service="other"), revision(service="third")])
        self.problem(connection.read_response(), 504, "revision-removed")
        self.problem(self.ask(), 404, "no-such-service")


class Loss(ActivatorTest):
    def test_row_025_a_pod_that_refuses_connections_costs_nothing(self):
        good = self.pod("sd-b")
        dead = self.pod("sd-a")
        self.start([revision([dead, good])])
        self.wait_ready(2)
        dead.close()
        good.let_go(5)
        for _ in range(5):
            self.assertEqual(self.ask("POST", body="x" * 1000).body, b"sd-b")
        wait_for(lambda: self.activator.revision()["pods_ready"] == 1, "the dead pod to be doubted")

    def test_a_dead_pod_is_probed_back_in(self):
        port = free_ports(1)[0]
        first = self.pod("sd-a", port=port)
        self.start([revision([first])])
        self.wait_ready(1)
        first.close()
        connection = self.begin("POST", body="x")
        self.wait_state(waiting=1, pods_ready=0)
        again = self.pod("sd-a", port=port)
        again.let_go()
        self.assertEqual(connection.read_response().status, 200)

    def test_row_026_a_post_that_may_have_started_is_502(self):
        def die(request, connection):
            connection.read_body(request, False)
            return False
        pod = self.pod("sd-a", answer=die)
        other = self.pod("sd-b")
        self.start([revision([pod, other])])
        self.wait_ready(2)
        self.problem(self.ask("POST", body="x"), 502, "pod-failed")
        self.assertEqual(other.requests, [])

    def test_row_027_a_get_on_a_dead_kept_connection_is_sent_anew(self):
        def once(request, connection):
            # Keeps the connection after its first answer, drops it when the second request comes.
            if getattr(connection, "served", False):
                return False
            connection.served = True
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            return True
        pod = self.pod("sd-a", answer=once)
        self.start([revision([pod])])
        self.wait_ready(1)
        for _ in range(4):
            self.assertEqual(self.ask().body, b"ok")


class Departure(ActivatorTest):
    """Rows 28 and 29: who leaves while waiting is gone at once, and no pod ever hears of it."""

    def leave_and_check(self, text):
        pod = self.pod("sd-a")
        self.start([revision([pod])])
        self.wait_ready(1)
        running = self.begin()
        self.wait_inside(pod)
        leaver = self.activator.connect()
        leaver.send(text)
        self.wait_state(waiting=1)
        leaver.close()
        self.wait_state(waiting=0)
        pod.let_go(2)
        self.assertEqual(running.read_response().status, 200)
        self.assertEqual(self.ask(target="/last").status, 200)
        self.assertEqual([request.target for request in pod.requests], ["/", "/last"])

    def test_row_028_a_post_whose_body_nobody_has_read(self):
        self.leave_and_check(request_text("POST", "/gone", body="x" * 40_000, host=HOST))

    def test_row_028_a_post_whose_body_is_on_its_way(self):
        self.leave_and_check("POST /gone HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc")

    def test_row_029_a_get(self):
        self.leave_and_check(request_text("GET", "/gone", host=HOST))

    def test_row_029_a_get_with_another_pipelined_behind_it(self):
        self.leave_and_check(request_text("GET", "/gone", host=HOST) +
                             request_text("GET", "/gone-too", host=HOST))

    def test_a_running_post_keeps_its_slot_until_the_pod_has_ended(self):
        pod = self.pod("sd-a")
        self.start([revision([pod])])
        self.wait_ready(1)
        leaver = self.begin("POST", body="x" * 1000)
        self.wait_inside(pod)
        leaver.close()
        wait_for(lambda: self.activator.revision()["totals"]["abandoned"] == 1, "the departure")
        waiting = self.begin()
        self.wait_state(waiting=1, running=1)
        self.assertEqual(len(pod.requests), 1)
        pod.let_go(2)
        self.assertEqual(waiting.read_response().status, 200)
        self.assertEqual(pod.at_once_max, 1)

    def test_row_030_the_line_is_bounded(self):
        self.start([revision(annotations={"sluice.dev/queue-limit": "3"})])
        begun = [self.begin() for _ in range(3)]
        self.wait_state(waiting=3)
        response = self.ask("POST", body="x")
        self.problem(response, 503, "queue-full")
        self.assertGreater(int(response.get("Retry-After")), 0)
        for connection in begun:
            connection.close()
        self.wait_state(waiting=0)


class Streams(ActivatorTest):
    def test_row_022_a_timeout_after_the_head_breaks_the_message(self):
        def stall(request, connection):
            connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n")
            connection.at_end()
            return False
        pod = self.pod("sd-a", answer=stall)
        self.start([revision([pod], timeoutSeconds=1)])
        self.wait_ready(1)
        connection = self.begin()
        self.assertEqual(connection.read_head().status, 200)
        self.assertEqual(connection.read_chunk(), b"part")
        with self.assertRaises((Broken, ConnectionResetError)):
            connection.read_chunk()

    def test_row_053_a_websocket_has_its_slot_until_the_timeout(self):
        def echo(request, connection):
            connection.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                            "Upgrade: websocket\r\n\r\n")
            while True:
                connection.fill()
                connection.send(connection.buffer)
                connection.buffer = b""
        pod = self.pod("sd-a", answer=echo)
        self.start([revision([pod], timeoutSeconds=2)])
        self.wait_ready(1)
        begun = time.monotonic()
        socket = self.begin(headers=(("Connection", "Upgrade"), ("Upgrade", "websocket")))
        self.assertEqual(socket.read_head().status, 101)
        socket.send("hello")
        self.assertEqual(socket.read_exactly(5), b"hello")
        other = self.begin()
        self.wait_state(running=1, waiting=1)
        self.assertTrue(socket.at_end())
        self.assertGreaterEqual(time.monotonic() - begun, 1.9)
        other.close()

    def test_row_066_an_answer_may_begin_before_the_body_has_come(self):
        def early(request, connection):
            connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhead\r\n")
            connection.read_body(request, False)
            connection.send("%x\r\n" % len(request.body))
            connection.send(request.body + b"\r\n0\r\n\r\n")
        pod = self.pod("sd-a", answer=early)
        self.start([revision([pod])])
        self.wait_ready(1)
        connection = self.activator.connect()
        self.addCleanup(connection.close)
        connection.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc")
        self.assertEqual(connection.read_head().status, 200)
        self.assertEqual(connection.read_chunk(), b"head")
        connection.send("def")
        self.assertEqual(connection.read_chunk(), b"abcdef")

    def test_row_067_no_100_before_a_pod_is_assigned(self):
        def go_on(request, connection):
            connection.send("HTTP/1.1 100 Continue\r\n\r\n")
            connection.read_body(request, False)
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        pod = self.pod("sd-a", ready=False, answer=go_on)
        self.start([revision([pod])])
        connection = self.activator.connect()
        self.addCleanup(connection.close)
        connection.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n"
                        "Expect: 100-continue\r\n\r\n")
        wait_for(lambda: pod.probes >= 3, "the pod to be probed")
        connection.sock.setblocking(False)
        with self.assertRaises(BlockingIOError):
            connection.sock.recv(1)
        connection.sock.settimeout(30)
        pod.ready = True
        self.assertEqual(connection.read_head().status, 100)
        connection.send("abc")
        self.assertEqual(connection.read_response().body, b"ok")
