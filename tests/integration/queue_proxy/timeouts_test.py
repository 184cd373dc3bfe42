"""The three timers of a request (contract queue-proxy 3.4, rows 44 to 54)."""

import time

from harness import Broken, Gate, OK, QueueProxyTest, UPGRADE, echo, wait_for


class Timeouts(QueueProxyTest):
    def limits(self, total="300", response_start=None, idle=None):
        return {"REVISION_TIMEOUT_SECONDS": total,
                "REVISION_RESPONSE_START_TIMEOUT_SECONDS": response_start,
                "REVISION_IDLE_TIMEOUT_SECONDS": idle, "SLUICE_ON_DISCONNECT": "close"}

    def start_silent(self, **limits):
        self.gate = Gate()
        self.start(lambda request, connection: self.gate.wait(),
                   environment=self.limits(**limits))

    def start_with(self, script, **limits):
        """`script` is what the application sends: texts, and numbers of seconds of silence."""

        def respond(request, connection):
            for step in script:
                if isinstance(step, (int, float)):
                    time.sleep(step)
                else:
                    connection.send(step)

        self.start(respond, environment=self.limits(**limits))

    def is_timeout(self, response):
        self.assertEqual((response.status, response.body), (504, b"request timeout"))
        self.assertEqual(response.get("Content-Type"), "text/plain; charset=utf-8")
        self.assertEqual(response.get("Content-Length"), "15")
        self.assertIsNone(response.get("X-Content-Type-Options"))

    def breaks_off(self, connection):
        with self.assertRaises((Broken, ConnectionResetError)):
            connection.read_response()

    def test_row_044_a_silent_app_gives_504_and_the_connection_lives(self):
        self.start_silent(total="1")
        connection = self.begin()
        self.is_timeout(connection.read_response())
        connection.send("GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: kube-probe/1\r\n"
                        "K-Network-Probe: queue\r\n\r\n")
        self.assertEqual(connection.read_response().body, b"queue")
        self.gate.open()

    def test_row_045_a_chunked_body_breaks_off_and_does_not_end_cleanly(self):
        self.start_with(["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", 3],
                        total="1")
        self.breaks_off(self.begin())

    def test_row_046_a_body_of_known_length_breaks_off(self):
        self.start_with(["HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\nabc", 3], total="1")
        self.breaks_off(self.begin())

    def test_row_047_response_start_is_over_with_the_first_byte(self):
        chunks = ["3\r\nabc\r\n", 0.5] * 4
        self.start_with([0.5, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"] + chunks +
                        ["0\r\n\r\n"], response_start="1")
        response = self.ask()
        self.assertEqual((response.status, response.body), (200, b"abcabcabcabc"))

    def test_row_047_response_start_gives_504(self):
        self.start_silent(response_start="1")
        self.is_timeout(self.ask())
        wait_for(lambda: self.proxy.logged("Response start timeout: 1s"), "the log line")
        self.gate.open()

    def test_row_048_writes_keep_an_idle_timer_from_firing(self):
        chunks = ["3\r\nabc\r\n", 0.5] * 4
        self.start_with(["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"] + chunks +
                        ["0\r\n\r\n"], idle="1")
        self.assertEqual(self.ask().body, b"abcabcabcabc")

    def test_row_048_a_gap_cuts_the_response(self):
        self.start_with(["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", 3],
                        idle="1")
        self.breaks_off(self.begin())
        wait_for(lambda: self.proxy.logged("Idle timeout: 1s"), "the log line")

    def test_row_049_idle_counts_until_the_first_byte_too(self):
        self.start_silent(idle="1")
        self.is_timeout(self.ask())
        self.gate.open()

    def test_row_050_a_timeout_of_zero_is_504_at_once(self):
        self.start(environment=self.limits(total="0"))
        self.is_timeout(self.ask())
        self.assertEqual(self.app.requests, [])

    def test_row_051_an_app_that_breaks_off_first_gives_no_504(self):
        self.start(lambda request, connection: False, environment=self.limits(total="2"))
        self.assertEqual(self.ask("POST", body="x").status, 502)

    def test_row_052_a_busy_websocket_is_ended_by_the_total_timer_only(self):
        self.start(handler=echo, environment=self.limits("3", "1", "1"))
        begun = time.monotonic()
        socket = self.begin(headers=UPGRADE)
        self.assertEqual(socket.read_head().status, 101)
        with self.assertRaises((Broken, OSError)):
            while True:
                socket.send(b"ping")
                socket.read_exactly(4)
                time.sleep(0.1)
        self.assertGreaterEqual(time.monotonic() - begun, 2.9)

    def test_row_053_the_wait_in_the_line_counts(self):
        self.start_silent(total="1")
        first = self.begin()
        self.wait_inside(1)
        self.is_timeout(self.ask())
        self.is_timeout(first.read_response())
        self.gate.open(2)

    def test_row_054_what_the_app_sends_after_a_timeout_is_dropped(self):
        self.start_with([1.5, OK], total="1")
        connection = self.begin()
        self.is_timeout(connection.read_response())
        connection.send("GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: kube-probe/1\r\n"
                        "K-Network-Probe: queue\r\n\r\n")
        self.assertEqual(connection.read_response().body, b"queue")
