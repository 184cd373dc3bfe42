#!/usr/bin/env python3
"""Ctrl-C and SIGTERM: running requests are answered, waiting ones are told, and nothing stays behind."""
import http.client
import signal

import harness
from harness import ONE_POD, WARM, service


class TheEnd(harness.Case):
    def busy(self, ms):
        """One pod with a running job and a second request that waits for it."""
        sluice = self.up(service(annotations={**ONE_POD, **WARM}))
        pod = self.warm(sluice, 1)[0]
        running = sluice.start_job("running", ms=ms)
        sluice.wait_running([pod], 1)
        waiting = sluice.start_job("waiting")
        sluice.wait_status("one running, one waiting", running=1, waiting=1)
        return sluice, pod, running, waiting

    def ends_well_on(self, number):
        sluice, pod, running, waiting = self.busy(harness.LONG)
        sluice.signal(number)
        sluice.wait_line("^ending; running requests may finish")
        self.assert_problem(waiting.reply(), 503, "shutting-down")
        self.assertFalse(running.done())
        with self.assertRaises(ConnectionRefusedError):
            sluice.post("too late")
        sluice.interrupt(pod)
        self.assertEqual(running.reply().status, 200)
        self.assertEqual(sluice.wait_end(), 0)
        sluice.wait_nothing_left()
        self.assertEqual(sluice.stats()[pod]["started"], 1, "the waiting one never reached the application")

    def test_sigint_lets_the_running_request_end(self):
        self.ends_well_on(signal.SIGINT)

    def test_sigterm_lets_the_running_request_end(self):
        self.ends_well_on(signal.SIGTERM)

    def test_a_second_signal_ends_it_at_once(self):
        sluice, _, running, _ = self.busy(harness.LONG)
        sluice.signal(signal.SIGINT)
        sluice.wait_line("^ending; running requests may finish")
        sluice.signal(signal.SIGINT)
        self.assertEqual(sluice.wait_end(), 1)
        sluice.wait_nothing_left()
        with self.assertRaises((OSError, http.client.HTTPException)):
            running.reply()

    def test_it_ends_while_pods_start(self):
        sluice = self.up(service(args=["--startup-ms", "600000"]))
        call = sluice.start_job("cold")
        sluice.wait_line(r"^pod \S+: starting")
        sluice.wait_line("queue-proxy serves")
        sluice.signal(signal.SIGTERM)
        self.assert_problem(call.reply(), 503, "shutting-down")
        self.assertEqual(sluice.wait_end(), 0)
        sluice.wait_nothing_left()

    def test_it_ends_with_idle_connections_open(self):
        sluice = self.up(service())
        with sluice.wire() as idle, sluice.wire() as half:
            half.send("GET / HTTP/1.1\r\nHost:")
            sluice.signal(signal.SIGTERM)
            self.assertEqual(sluice.wait_end(), 0)
            self.assertEqual(idle.read_to_end(), b"")

    def test_an_application_deaf_to_sigterm_is_killed(self):
        # timeoutSeconds is also the grace period; the shell's children inherit its deafness, but for the stand-in.
        script = f"trap '' TERM; {harness.program('sd-standin')} --port $PORT & while :; do sleep 1; done"
        demo = service(command=["sh", "-c", script], annotations=WARM, spec={"timeoutSeconds": 2})
        sluice = self.up(demo)
        self.warm(sluice, 1)
        self.assertIn("sh", sluice.left().values())
        sluice.signal(signal.SIGINT)
        self.assertEqual(sluice.wait_end(), 0)
        sluice.wait_nothing_left()


if __name__ == "__main__":
    harness.main()
