#!/usr/bin/env python3
"""What `sluice up` writes: for people, or as JSON, where each line is an event, the pods' lines included."""
import json
import signal

import harness
from harness import ONE_POD, WARM, service


class Logs(harness.Case):
    def test_json(self):
        sluice = self.launch(service(annotations=ONE_POD),
                             flags=("--log-format", "json", "--access-log", "all"))
        sluice.address = sluice.address_in(r'"event":"serving".*serving \S+ at http://([\d.]+):(\d+)')
        sluice.admin = sluice.address_in(r'"event":"admin".*admin at http://([\d.]+):(\d+)')
        self.assertEqual(sluice.post("x").status, 200)
        sluice.signal(signal.SIGINT)
        self.assertEqual(sluice.wait_end(), 0)
        sluice.wait_nothing_left()
        events = [json.loads(line) for line in sluice.out.lines + sluice.err.lines]
        for event in events:
            self.assertRegex(event["event"], "^[a-z_]+$")
            self.assertEqual(event["logger"], "sluice")
        kinds = [event["event"] for event in events]
        for kind in ("serving", "scaling", "pod_starting", "pod_ready", "pod_stopped", "request"):
            self.assertIn(kind, kinds)
        output = [event for event in events if event["event"] == "pod_output"]
        self.assertEqual({event["part"] for event in output}, {"application", "queue-proxy"})
        inner = [json.loads(event["message"]) for event in output if event["part"] == "queue-proxy"]
        self.assertIn("started", [event["event"] for event in inner])

    def test_text_reaches_the_pods_too(self):
        sluice = self.up(service(annotations={**WARM, **ONE_POD}))
        self.warm(sluice, 1)
        sluice.wait_line(r"^\[\S+ queue-proxy\] \d\d:\d\d:\d\d\.\d{3} INFO \[started\] queue-proxy serves")

    def test_a_start_that_fails_is_an_event(self):
        taken = self.up(service())
        address = "%s:%d" % taken.address
        sluice = self.launch(service(), listen=address, flags=("--log-format", "json"))
        self.assertEqual(sluice.wait_end(), 1)
        sluice.wait_nothing_left()
        (event,) = [json.loads(line) for line in sluice.err.lines]
        self.assertEqual((event["event"], event["severity"]), ("start_failed", "ERROR"))
        self.assertIn("--listen " + address, event["message"])


if __name__ == "__main__":
    harness.main()
