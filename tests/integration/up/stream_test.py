#!/usr/bin/env python3
"""Messages of every shape through the whole path: client, activator, queue-proxy, application."""
import base64
import os
import socket
import zlib

import harness
from harness import ONE_POD, WARM, resident_kib, service, wait_for

MEGABYTE = 1 << 20


class WholePath(harness.Case):
    def warm_one(self, **more):
        sluice = self.up(service(annotations={**WARM, **ONE_POD}), **more)
        self.warm(sluice, 1)
        return sluice

    def test_chunked_uploads_arrive_whole(self):
        sluice = self.warm_one()
        pieces = [os.urandom(n) for n in (1, 1000, 70_000, 3)]
        with sluice.wire() as wire:
            wire.send("POST /standin/upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            for piece in pieces:
                wire.send(b"%x\r\n" % len(piece) + piece + b"\r\n")
            wire.send("0\r\n\r\n")
            reply = wire.reply()
        whole = b"".join(pieces)
        self.assertEqual(reply.status, 200, reply)
        self.assertEqual(reply.json()["length"], len(whole))
        self.assertIn(reply.json()["crc32"], (zlib.crc32(whole), f"{zlib.crc32(whole):08x}"))

    def test_a_large_upload_does_not_pile_up_in_memory(self):
        sluice = self.warm_one()
        size = 50 * MEGABYTE
        with sluice.wire() as wire:
            wire.send(f"POST /standin/upload HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n")
            block = bytes(MEGABYTE)
            for _ in range(size // len(block)):
                wire.send(block)
            reply = wire.reply()
        self.assertEqual((reply.status, reply.json()["length"]), (200, size))
        self.assert_small(sluice)

    def test_a_large_upload_to_a_slow_application_waits_in_the_client(self):
        sluice = self.warm_one()
        size = 24 * MEGABYTE
        with sluice.wire() as wire:
            wire.send(f"POST /standin/upload?pause_ms=1 HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n")
            wire.send(bytes(size))
            self.assertEqual(wire.reply().json()["length"], size)
        self.assert_small(sluice)

    def test_a_large_download_to_a_slow_client_waits_in_the_application(self):
        sluice = self.warm_one()
        chunks, size = 50, MEGABYTE
        with sluice.wire() as wire:
            wire.send(f"GET /standin/stream?chunks={chunks}&interval_ms=0&bytes={size} HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertEqual(wire.head().status, 200)
            # Nothing is read until the kernel's buffers are full on the whole way: the writers stand still.
            sluice.wait_status("it runs", running=1)
            self.assert_small(sluice)
            content = b"".join(iter(wire.chunk, b""))
        self.assertEqual(content, b"".join(bytes([97 + i % 26]) * size for i in range(chunks)))
        self.assert_small(sluice)

    def assert_small(self, sluice):
        """Neither program ever held much of a body. (What sanitizers hold is theirs.)"""
        if harness.Binaries.sanitized:
            return
        proxies = [pid for pid, name in sluice.left().items() if name == "queue-proxy"]
        self.assertEqual(len(proxies), 1)
        for pid in [sluice.process.pid, *proxies]:
            self.assertLess(resident_kib(pid), 32 * 1024)

    def test_events_arrive_one_by_one(self):
        sluice = self.warm_one()
        with sluice.wire() as wire:
            wire.send("GET /standin/sse?events=3&interval_ms=200 HTTP/1.1\r\nHost: x\r\n\r\n")
            head = wire.head()
            self.assertIn("text/event-stream", head.header("Content-Type"))
            first = wire.chunk()
            self.assertEqual(first.count(b"\n\n"), 1, "the second event is 200 ms away")
            rest = b""
            while piece := wire.chunk():
                rest += piece
            self.assertEqual(rest.count(b"\n\n"), 2)

    def test_websockets_echo(self):
        sluice = self.warm_one()
        with sluice.wire() as wire:
            self.websocket(wire)
            for text in (b"hello", b"again"):
                mask = os.urandom(4)
                masked = bytes(b ^ mask[i % 4] for i, b in enumerate(text))
                wire.send(bytes([0x81, 0x80 | len(text)]) + mask + masked)
                self.assertEqual(wire.read_exactly(2 + len(text)), bytes([0x81, len(text)]) + text)

    def websocket(self, wire):
        key = base64.b64encode(os.urandom(16)).decode()
        wire.send("GET /standin/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                  f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n")
        self.assertEqual(wire.head().status, 101)

    def test_a_websocket_client_that_stops_sending_still_hears_the_echo(self):
        sluice = self.warm_one()
        with sluice.wire() as wire:
            self.websocket(wire)
            wire.send(b"\x81\x85\0\0\0\0hello")
            wire.socket.shutdown(socket.SHUT_WR)
            self.assertEqual(wire.read_to_end()[:7], b"\x81\x05hello")
        sluice.wait_status("its slot is free again", running=0)
        self.assertEqual(sluice.post("next").status, 200)

    def test_a_websocket_is_closed_by_its_frames(self):
        sluice = self.warm_one()
        with sluice.wire() as wire:
            self.websocket(wire)
            wire.send(b"\x88\x82\0\0\0\0\x03\xe8")
            self.assertEqual(wire.read_to_end(), b"\x88\x02\x03\xe8")
        sluice.wait_status("its slot is free again", running=0)

    def test_a_refused_upgrade_is_an_ordinary_answer(self):
        sluice = self.warm_one()
        with sluice.wire() as wire:
            wire.send("GET /standin/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
            self.assertEqual(wire.reply().status, 426)

    def test_answers_of_a_pipeline_keep_their_order(self):
        sluice = self.warm_one()
        with sluice.wire() as wire:
            wire.send("".join(f"POST /standin/upload?n={n} HTTP/1.1\r\nHost: x\r\nContent-Length: {n}\r\n\r\n" + n * "x"
                              for n in (1, 200, 3, 0, 50)))
            self.assertEqual([wire.reply().json()["length"] for _ in range(5)], [1, 200, 3, 0, 50])

    def test_a_cut_answer_does_not_look_whole(self):
        sluice = self.warm_one()
        with sluice.wire() as wire:
            wire.send("GET /standin/half HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertEqual(wire.head().header("Content-Length"), "100")
            try:
                self.assertLess(len(wire.read_to_end()), 100)
            except ConnectionResetError:
                pass  # as good a sign of a broken message
        reply = sluice.call("POST", "/standin/close", b"x")
        self.assert_problem(reply, 502, "pod-failed")
        self.assertEqual(sluice.post("next").status, 200)

    def test_an_answer_before_the_body_reaches_the_client(self):
        sluice = self.warm_one()
        with sluice.wire() as wire:
            wire.send("POST /standin/early?status=413 HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nstart")
            self.assertEqual(wire.reply().status, 413)
        sluice.wait_status("its slot is free again", running=0)
        self.assertEqual(sluice.post("next").status, 200)

    def test_expect_continue_waits_for_a_pod(self):
        sluice = self.up(service(args=["--startup-ms", "500"], annotations=ONE_POD))
        with sluice.wire() as wire:
            wire.send("POST /standin/upload HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
            interim = wire.head()
            self.assertEqual(interim.status, 100)
            self.assertEqual(sluice.status()["pods_ready"], 1, "no 100 before there is a pod")
            wire.send("body")
            self.assertEqual(wire.reply().json()["length"], 4)

    def test_old_clients_heads_and_pipelines(self):
        sluice = self.warm_one()
        with sluice.wire() as wire:
            wire.send("GET /standin/stream?chunks=3&interval_ms=1&bytes=10 HTTP/1.0\r\n\r\n")
            reply = wire.reply()
            self.assertEqual((reply.status, len(reply.body)), (200, 30))
            self.assertEqual(reply.header("Transfer-Encoding"), "")
        with sluice.wire() as wire:
            wire.send("HEAD /internal/ping HTTP/1.1\r\nHost: x\r\n\r\n"
                      + "GET /internal/ping HTTP/1.1\r\nHost: x\r\n\r\n" * 2)
            self.assertEqual(wire.reply("HEAD").status, 200)
            self.assertEqual([wire.reply().status, wire.reply().status], [200, 200])

    def test_interim_answers_and_trailers_pass(self):
        sluice = self.warm_one()
        with sluice.wire() as wire:
            wire.send("GET /standin/103 HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertEqual([wire.head().status, wire.reply().status], [103, 200])
            wire.send("GET /standin/trailers HTTP/1.1\r\nHost: x\r\nTE: trailers\r\n\r\n")
            self.assertRegex(wire.reply().trailers, r"\w+: ")


class Routes(harness.Case):
    def test_two_services_of_one_file_are_told_apart_by_host(self):
        sluice = self.up(service("one", annotations=WARM), service("two", annotations=WARM))
        for name in ("one", "two"):
            sluice.wait_status("a warm pod", name, pods_ready=1)
        for host, name in (("one.default.example.com", "one"), ("two.default.svc.cluster.local:80", "two"),
                           ("two", "two")):
            reply = sluice.call("GET", "/internal/ping", headers={"Host": host})
            self.assertEqual(reply.status, 200)
            self.assertTrue(reply.header("Sluice-Pod").startswith(name + "-00001-"), reply)
        unknown = sluice.call("GET", "/", headers={"Host": "three.default.example.com"})
        self.assert_problem(unknown, 404, "no-such-service")

    def test_control_paths_pass_a_running_job_and_denied_ones_are_closed(self):
        sluice = self.up(service(annotations={**WARM, **ONE_POD, "sluice.dev/app": "a1111"}))
        pod, = self.warm(sluice, 1)
        job = sluice.start_job("long")
        sluice.wait_running([pod], 1)
        progress = sluice.call("GET", "/sdapi/v1/progress")
        self.assertEqual(progress.status, 200)
        sluice.interrupt(pod, lambda: self.assertEqual(sluice.call("POST", "/sdapi/v1/interrupt").status, 200))
        self.assertEqual(job.reply().status, 200)
        self.assert_problem(sluice.call("POST", "/sdapi/v1/server-kill"), 403, "path-denied")

    def test_a_full_queue_refuses_and_a_long_wait_ends(self):
        sluice = self.up(service(annotations={**WARM, **ONE_POD, "sluice.dev/queue-limit": "1",
                                              "sluice.dev/queue-timeout": "2s"}))
        pod, = self.warm(sluice, 1)
        job = sluice.start_job("long")
        sluice.wait_running([pod], 1)
        waiting = sluice.start_job("waits")
        sluice.wait_status("one waiting", waiting=1)
        refused = sluice.post("one too many")
        self.assert_problem(refused, 503, "queue-full")
        self.assertTrue(refused.header("Retry-After"))
        self.assert_problem(waiting.reply(), 504, "queue-timeout")
        sluice.interrupt(pod)
        self.assertEqual(job.reply().status, 200)

    def test_a_limit_of_two_means_two(self):
        sluice = self.up(service(annotations={**WARM, **ONE_POD}, concurrency=2))
        pod, = self.warm(sluice, 1)
        jobs = [sluice.start_job(f"job {i}", ms=50) for i in range(6)]
        self.assertEqual({job.reply().status for job in jobs}, {200})
        self.assertEqual(sluice.stats()[pod]["at_once_max"], 2)

    def test_no_limit_means_all_at_once(self):
        sluice = self.up(service(annotations={**WARM, **ONE_POD}, concurrency=0))
        pod, = self.warm(sluice, 1)
        jobs = [sluice.start_job(f"job {i}") for i in range(12)]
        wait_for(lambda: sluice.stats()[pod]["at_once_max"] == 12, "all of them inside")
        # They hold the stand-in's own lock one after the other.
        def step():
            if any(one["holding_now"] for one in sluice.stats().values()):
                harness.call(sluice.app(pod), "POST", "/sdapi/v1/interrupt")
            return all(job.done() for job in jobs)
        wait_for(step, "all answers")
        self.assertEqual({job.reply().status for job in jobs}, {200})


if __name__ == "__main__":
    harness.main()
