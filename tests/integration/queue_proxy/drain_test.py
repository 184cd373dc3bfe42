"""Drain and termination (contract queue-proxy 5, rows 13 to 24). The quiet period is made
shorter; the 60 s of upgraded connections are in unit/proxy/core/drain_test.cpp.
"""

import signal
import threading
import time

from harness import Gate, OK, PROBE, QueueProxyTest, UPGRADE, echo, wait_for

class Timed(threading.Thread):
    """Runs `action` beside the test and keeps its result and how long it took."""

    def __init__(self, action):
        super().__init__(daemon=True)
        self.action = action
        self.result = None
        self.seconds = None
        self.start()

    def run(self):
        begun = time.monotonic()
        self.result = self.action()
        self.seconds = time.monotonic() - begun

    def finish(self):
        self.join(30)
        assert self.seconds is not None, "it never ended"
        return self.result


class Drain(QueueProxyTest):
    def drained(self, quiet):
        self.start(environment={"SLUICE_DRAIN_QUIET": quiet})

    def terminate(self):
        self.proxy.signal()
        wait_for(lambda: self.proxy.logged('"signal"'), "the signal to arrive")

    def test_row_013_probes_are_told_shutting_down(self):
        self.drained("20s")
        self.terminate()
        self.plain_error(self.ask(headers=PROBE), 503, "shutting down")
        self.plain_error(self.ask(headers=[("K-Network-Probe", "probe"),
                                           ("K-Network-Hash", "abc")]), 503, "shutting down")

    def test_row_014_requests_are_served_and_restart_the_quiet_time(self):
        self.drained("1s")
        begun = time.monotonic()
        self.terminate()
        for _ in range(6):
            time.sleep(0.3)
            self.assertEqual(self.ask().body, b"ok")
        self.assertEqual(self.proxy.exit_code(), 0)
        self.assertGreaterEqual(time.monotonic() - begun, 6 * 0.3 + 1.0)

    def test_row_015_wait_for_drain_without_a_signal_undrains_after_a_second(self):
        self.drained("20s")
        for method in ("GET", "POST"):
            waiting = Timed(lambda m=method: self.ask(m, "/wait-for-drain", port=self.proxy.admin))
            wait_for(lambda: self.ask(headers=PROBE).status == 503, "unreadiness")
            self.assertEqual(waiting.finish().status, 200)
            self.assertGreaterEqual(waiting.seconds, 0.99)
            self.assertEqual(self.ask(headers=PROBE).body, b"queue")

    def test_row_016_two_waiters_are_released_together(self):
        self.drained("20s")
        first = Timed(lambda: self.ask(target="/wait-for-drain", port=self.proxy.admin))
        time.sleep(0.5)
        second = Timed(lambda: self.ask(target="/wait-for-drain", port=self.proxy.admin))
        first.finish()
        second.finish()
        self.assertLess(second.seconds, first.seconds)

    def test_row_017_a_signal_within_the_second_makes_the_waiter_wait_for_the_drain(self):
        self.drained("2s")
        waiting = Timed(lambda: self.ask(target="/wait-for-drain", port=self.proxy.admin))
        wait_for(lambda: self.ask(headers=PROBE).status == 503, "unreadiness")
        self.terminate()
        self.assertEqual(waiting.finish().status, 200)
        self.assertGreaterEqual(waiting.seconds, 1.99)
        self.assertEqual(self.proxy.exit_code(), 0)

    def test_row_018_idle_termination_ends_after_the_quiet_time(self):
        self.drained("1s")
        begun = time.monotonic()
        self.terminate()
        self.assertEqual(self.ask(headers=PROBE).status, 503)
        self.assertEqual(self.proxy.exit_code(), 0)
        self.assertGreaterEqual(time.monotonic() - begun, 1.0)

    def test_row_019_a_running_request_is_waited_for_after_the_listeners_closed(self):
        gate = Gate()

        def respond(request, connection):
            gate.wait()
            connection.send(OK)

        self.start(respond, environment={"SLUICE_DRAIN_QUIET": "100ms"})
        running = self.begin()
        self.wait_inside(1)
        self.terminate()

        def is_closed():
            try:
                self.proxy.connect().close()
            except ConnectionRefusedError:
                return True
            return False

        wait_for(is_closed, "the port to close")
        self.assertIsNone(self.proxy.process.poll())
        gate.open()
        response = running.read_response()
        self.assertEqual((response.status, response.get("Connection")), (200, "close"))
        self.assertEqual(self.proxy.exit_code(), 0)

    def test_row_020_a_websocket_works_on_after_the_drain(self):
        self.start(handler=echo, environment={"SLUICE_DRAIN_QUIET": "100ms"})
        socket = self.begin(headers=UPGRADE)
        self.assertEqual(socket.read_head().status, 101)
        self.terminate()
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            socket.send(b"ping")
            self.assertEqual(socket.read_exactly(4), b"ping")
            time.sleep(0.05)
        self.assertIsNone(self.proxy.process.poll())
        socket.close()
        self.assertEqual(self.proxy.exit_code(), 0)

    def test_row_022_a_second_signal_ends_at_once_with_1(self):
        self.drained("20s")
        self.proxy.signal(signal.SIGINT)  # behaves as SIGTERM
        wait_for(lambda: self.proxy.logged('"signal"'), "the signal to arrive")
        self.plain_error(self.ask(headers=PROBE), 503, "shutting down")
        self.proxy.signal(signal.SIGTERM)
        self.assertEqual(self.proxy.exit_code(), 1)

    def test_row_024_an_idle_connection_is_closed_cleanly(self):
        self.drained("100ms")
        idle = self.begin()
        self.assertEqual(idle.read_response().status, 200)
        self.terminate()
        self.assertTrue(idle.at_end())
        self.assertEqual(self.proxy.exit_code(), 0)

    def test_other_admin_paths_are_404(self):
        self.drained("0s")
        response = self.ask(target="/", port=self.proxy.admin)
        self.plain_error(response, 404, "404 page not found")

    def test_the_statistics_port_answers_during_the_drain(self):
        self.drained("20s")
        self.terminate()
        self.assertEqual(self.ask(target="/metrics", port=self.proxy.stats).status, 200)

    def test_a_held_slot_does_not_delay_the_end(self):
        gate = Gate()

        def respond(request, connection):
            gate.wait()
            connection.send(OK)

        self.start(respond)
        gone = self.begin("POST", body="x")
        self.wait_inside(1)
        gone.close()
        wait_for(lambda: self.slots("held") == 1, "the slot to be held")
        self.terminate()
        self.assertEqual(self.proxy.exit_code(), 0)
        gate.open()
