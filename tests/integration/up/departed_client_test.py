#!/usr/bin/env python3
"""Clients that leave: out of the queue at once, and their running job keeps its slot."""
import harness
from harness import ONE_POD, WARM, service


class DepartedClients(harness.Case):
    def test_a_client_that_leaves_the_queue_never_reaches_the_application(self):
        sluice = self.up(service(annotations={**WARM, **ONE_POD}))
        pod, = self.warm(sluice, 1)
        first = sluice.start_job("first")
        sluice.wait_running([pod], 1)
        with sluice.wire() as wire:
            # The body never comes whole: nobody reads it while the request waits.
            wire.send("POST /sdapi/v1/txt2img HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n{")
            sluice.wait_status("one waiting", waiting=1)
        sluice.wait_status("none waiting", waiting=0)
        sluice.interrupt(pod)
        self.assertEqual(first.reply().status, 200)
        self.assertEqual(sluice.post("last").status, 200)
        self.assertEqual([job["prompt"] for job in sluice.jobs(pod)], ["first", "last"])

    def test_one_without_a_body_or_during_a_cold_start_does_not_either(self):
        sluice = self.up(service(args=["--startup-ms", "1500"], annotations=ONE_POD))
        with sluice.wire() as bodiless, sluice.wire() as whole:
            bodiless.send("POST /standin/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
            whole.send('POST /sdapi/v1/txt2img HTTP/1.1\r\nHost: x\r\nContent-Length: 17\r\n\r\n{"prompt":"gone"}')
            sluice.wait_status("both waiting", waiting=2, pods_ready=0)
        sluice.wait_status("none waiting", waiting=0)
        self.assertEqual(sluice.post("last").status, 200)
        stats = next(iter(sluice.stats().values()))
        self.assertEqual((stats["started"], stats["requests"]), (1, 1), "no request but the last one was ever seen")

    def test_a_client_that_leaves_a_running_job_does_not_free_its_slot(self):
        sluice = self.up(service(annotations={**WARM, **ONE_POD}))
        pod, = self.warm(sluice, 1)
        body = b'{"prompt": "left", "width": 8, "height": 8}'
        with sluice.wire() as wire:
            wire.send(f"POST /sdapi/v1/txt2img?ms={harness.LONG} HTTP/1.1\r\nHost: x\r\n"
                      f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
            sluice.wait_running([pod], 1)
        second = sluice.start_job("second", ms=0)
        sluice.wait_status("the slot is held", waiting=1, running=1)
        sluice.interrupt(pod)
        self.assertEqual(second.reply().status, 200)
        self.assertEqual(sluice.stats()[pod]["at_once_max"], 1)


if __name__ == "__main__":
    harness.main()
