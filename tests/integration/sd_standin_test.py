#!/usr/bin/env python3
"""Drives the real sd-standin binary over its socket.

usage: sd_standin_test.py PATH-OF-SD-STANDIN [unittest arguments]

Nothing here asserts an upper bound on time except through generous deadlines, so that a slow
machine does not fail it. Every process started here is ended here.
"""

import base64
import http.client
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import zlib

BINARY = ""
DEADLINE = 30  # seconds that anything may take on a busy machine


def wait_for(condition, what):
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.01)
    raise AssertionError("timed out waiting for " + what)


class Standin:
    """One running process on a free port."""

    def __init__(self, *flags, wait=True, env=None):
        clean = {k: v for k, v in os.environ.items()
                 if k != "PORT" and not k.startswith("STANDIN_")}
        clean.update(env or {})
        self.process = subprocess.Popen([BINARY, "--port", "0", *flags], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, env=clean)
        self.port = None
        if wait:
            self.read_port()

    def read_port(self):
        for line in self.process.stdout:
            found = re.search(r"Running on local URL: +http://.*:(\d+)", line)
            if found:
                self.port = int(found.group(1))
                return
        raise AssertionError("it ended: " + self.process.stderr.read())

    def request(self, method, target, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        try:
            if isinstance(body, dict):
                body = json.dumps(body)
            connection.request(method, target, body, headers or {})
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()

    def json(self, method, target, body=None):
        response, text = self.request(method, target, body)
        assert response.status == 200, (response.status, text)
        return json.loads(text)

    def stats(self):
        return self.json("GET", "/standin/stats")

    def raw(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()


def read_until(stream, marker):
    text = b""
    while marker not in text:
        piece = stream.recv(1)
        if not piece:
            raise AssertionError("closed after " + repr(text))
        text += piece
    return text


def read_all(stream):
    text = b""
    while True:
        try:
            piece = stream.recv(65536)
        except ConnectionResetError:
            return text
        if not piece:
            return text
        text += piece


class Case(unittest.TestCase):
    def start(self, *flags, **more):
        standin = Standin(*flags, **more)
        self.addCleanup(standin.end)
        return standin

    def in_background(self, work):
        results = []
        thread = threading.Thread(target=lambda: results.append(work()))
        thread.start()
        self.addCleanup(thread.join)
        return thread, results


class StartAndEnd(Case):
    def test_the_port_opens_after_the_startup_time(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        begin = time.monotonic()
        standin = self.start("--port", str(port), "--startup-ms", "600", wait=False)
        refused = 0
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=DEADLINE).close()
                break
            except ConnectionRefusedError:
                refused += 1
                self.assertLess(time.monotonic() - begin, DEADLINE)
                time.sleep(0.02)
        self.assertGreaterEqual(time.monotonic() - begin, 0.6)
        self.assertGreater(refused, 0)
        standin.port = port
        self.assertEqual(standin.json("GET", "/internal/ping"), {})

    def test_until_ready_the_api_answers_503(self):
        standin = self.start("--ready-ms", "1500")
        for target in ("/internal/ping", "/sdapi/v1/progress", "/"):
            self.assertEqual(standin.request("GET", target)[0].status, 503)
        self.assertIsNone(standin.stats()["model_ready_at"])
        wait_for(lambda: standin.request("GET", "/internal/ping")[0].status == 200, "ready")
        self.assertIsNotNone(standin.stats()["model_ready_at"])

    def test_wrong_flags_end_with_one_line_and_64(self):
        for flags, name in ((["--port", "x"], "--port"), (["--bogus"], "--bogus")):
            done = subprocess.run([BINARY, *flags], capture_output=True, text=True,
                                  timeout=DEADLINE)
            self.assertEqual(done.returncode, 64)
            self.assertEqual(len(done.stderr.strip().splitlines()), 1)
            self.assertIn(name, done.stderr)
            self.assertEqual(done.stdout, "")

    def test_a_port_in_use_is_named_and_ends_with_1(self):
        standin = self.start()
        done = subprocess.run([BINARY, "--port", str(standin.port), "--startup-ms", "60000"],
                              capture_output=True, text=True, timeout=DEADLINE)
        self.assertEqual(done.returncode, 1)
        self.assertIn("127.0.0.1:%d" % standin.port, done.stderr)
        self.assertEqual(len(done.stderr.strip().splitlines()), 1)

    def test_sigterm_finishes_the_running_job_and_refuses_the_waiting_one(self):
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "stats.json")
            standin = self.start("--service-ms", "1200", "--stats-file", file)
            work = lambda: standin.request("POST", "/sdapi/v1/txt2img", {"width": 8})[0].status
            first, first_results = self.in_background(work)
            wait_for(lambda: standin.stats()["holding_now"] == 1, "the job")
            second, second_results = self.in_background(work)
            wait_for(lambda: standin.stats()["inside_now"] == 2, "the waiting request")
            standin.process.send_signal(signal.SIGTERM)
            self.assertEqual(standin.process.wait(DEADLINE), 0)
            first.join(DEADLINE)
            second.join(DEADLINE)
            self.assertEqual((first_results, second_results), ([200], [503]))
            with open(file, encoding="utf-8") as stats:
                self.assertEqual(json.load(stats)["finished"], 1)
            self.assertEqual(os.listdir(folder), ["stats.json"])

    def test_sigterm_during_the_start_ends_it(self):
        standin = self.start("--startup-ms", "60000", wait=False)
        self.assertIn("Loading", standin.process.stdout.readline())
        standin.process.send_signal(signal.SIGTERM)
        self.assertEqual(standin.process.wait(DEADLINE), 0)

    def test_the_stats_file_survives_a_kill(self):
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "stats.json")
            standin = self.start("--service-ms", "60000", env={"STANDIN_STATS_FILE": file})
            for _ in range(2):
                connection = standin.raw()
                self.addCleanup(connection.close)
                connection.sendall(b"POST /sdapi/v1/txt2img HTTP/1.1\r\nHost: x\r\n"
                                   b"Content-Length: 2\r\n\r\n{}")
            wait_for(lambda: standin.stats()["inside_now"] == 2, "both requests")

            def saved():
                with open(file, encoding="utf-8") as stats:
                    return json.load(stats)

            wait_for(lambda: saved()["at_once_max"] == 2 and saved()["started"] == 1, "the file")
            standin.process.kill()
            standin.process.wait()
            self.assertEqual((saved()["at_once_max"], saved()["started"]), (2, 1))


class Generation(Case):
    def test_parallel_requests_are_counted_and_serialised(self):
        standin = self.start("--service-ms", "300")
        begin = time.monotonic()
        jobs = [self.in_background(lambda: standin.request(
            "POST", "/sdapi/v1/txt2img", {"prompt": "dog", "width": 32, "height": 32}))
            for _ in range(5)]
        for thread, _ in jobs:
            thread.join(DEADLINE)
        self.assertGreaterEqual(time.monotonic() - begin, 1.5)
        self.assertEqual([results[0][0].status for _, results in jobs], [200] * 5)
        stats = standin.stats()
        self.assertGreaterEqual(stats["at_once_max"], 2)
        self.assertLessEqual(stats["at_once_max"], 5)
        self.assertEqual(stats["holding_max"], 1)
        self.assertEqual((stats["started"], stats["finished"], stats["inside_now"]), (5, 5, 0))
        runs = standin.json("GET", "/standin/jobs")
        for earlier, later in zip(runs, runs[1:]):
            self.assertGreaterEqual(later["started_at"], earlier["finished_at"] - 0.001)
        self.assertEqual(standin.json("POST", "/standin/reset"), {})
        self.assertEqual(standin.stats()["at_once_max"], 0)

    def test_the_answer_holds_a_png_of_the_asked_size(self):
        standin = self.start("--service-ms", "0")
        wanted = {"prompt": "pretty dog", "seed": 7, "width": 96, "height": 40}
        answer = standin.json("POST", "/sdapi/v1/txt2img", wanted)
        image = base64.b64decode(answer["images"][0], validate=True)
        self.assertEqual(image[:8], b"\x89PNG\r\n\x1a\n")
        self.assertEqual(struct.unpack(">II", image[16:24]), (96, 40))
        self.assertEqual(answer["parameters"]["prompt"], "pretty dog")
        self.assertEqual(json.loads(answer["info"])["seed"], 7)
        again = standin.json("POST", "/sdapi/v1/txt2img", wanted)
        self.assertEqual(again["images"], answer["images"])
        source = {"init_images": answer["images"], "width": 96, "height": 40, "seed": 7}
        other = standin.json("POST", "/sdapi/v1/img2img", source)
        self.assertEqual(len(other["images"]), 1)
        self.assertIsNone(other["parameters"]["init_images"])
        response, text = standin.request("POST", "/sdapi/v1/txt2img", {"width": 5000})
        self.assertEqual(response.status, 422)
        self.assertEqual(json.loads(text)["detail"][0]["loc"], ["body", "width"])
        self.assertEqual(standin.request("POST", "/sdapi/v1/txt2img", "{")[0].status, 422)

    def test_progress_moves_during_a_job_and_interrupt_ends_it(self):
        standin = self.start("--step-ms", "3000")
        begin = time.monotonic()
        thread, results = self.in_background(
            lambda: standin.json("POST", "/sdapi/v1/txt2img", {"width": 32, "height": 32}))
        progress = lambda: standin.json("GET", "/sdapi/v1/progress")
        first = wait_for(lambda: (p := progress())["progress"] > 0 and p, "progress")
        self.assertEqual(first["state"]["job"], "scripts_txt2img")
        self.assertEqual(first["state"]["sampling_steps"], 20)
        later = wait_for(lambda: (p := progress())["progress"] > first["progress"] and p,
                         "more progress")
        self.assertLess(later["eta_relative"], first["eta_relative"])
        self.assertEqual(results, [])
        self.assertEqual(standin.json("POST", "/sdapi/v1/interrupt"), {})
        thread.join(DEADLINE)
        self.assertLess(time.monotonic() - begin, 60)  # the job's own time
        self.assertEqual(len(results[0]["images"]), 1)
        self.assertTrue(progress()["state"]["interrupted"])
        self.assertEqual(progress()["progress"], 0)
        self.assertEqual(standin.stats()["interrupted"], 1)

    def test_skip_ends_one_iteration(self):
        standin = self.start("--service-ms", "0")
        thread, results = self.in_background(lambda: standin.json(
            "POST", "/sdapi/v1/txt2img?ms=60000",
            {"n_iter": 2, "width": 16, "height": 16}))
        state = lambda: standin.json("GET", "/sdapi/v1/progress")["state"]
        wait_for(lambda: state()["job_count"] == 2, "the job")
        standin.json("POST", "/sdapi/v1/skip")
        wait_for(lambda: state()["job_no"] == 1, "the second iteration")
        standin.json("POST", "/sdapi/v1/skip")
        thread.join(DEADLINE)
        self.assertEqual(len(results[0]["images"]), 2)
        self.assertEqual(standin.stats()["skipped"], 1)

    def test_a_disconnect_does_not_end_running_or_queued_jobs(self):
        standin = self.start("--service-ms", "500")
        head = (b"POST /sdapi/v1/txt2img HTTP/1.1\r\nHost: x\r\nContent-Length: 27\r\n\r\n"
                b'{"width": 16, "height": 16}')
        clients = [standin.raw(), standin.raw()]
        for client in clients:
            client.sendall(head)
        wait_for(lambda: standin.stats()["inside_now"] == 2, "both requests")
        for client in clients:
            client.close()
        wait_for(lambda: standin.stats()["finished"] == 2, "both jobs")
        stats = standin.stats()
        self.assertEqual((stats["disconnected"], stats["interrupted"]), (2, 0))
        for job in standin.json("GET", "/standin/jobs"):
            self.assertGreaterEqual(job["finished_at"] - job["started_at"], 0.45)
            self.assertEqual(job["outcome"], "completed")

    def test_a_crash_is_a_crash(self):
        for target in ("/sdapi/v1/txt2img?crash=1", "/sdapi/v1/txt2img?crash=mid&ms=50"):
            standin = self.start()
            with self.assertRaises((http.client.RemoteDisconnected, ConnectionResetError)):
                standin.request("POST", target, {})
            self.assertEqual(standin.process.wait(DEADLINE), 86)


class Wire(Case):
    @classmethod
    def setUpClass(cls):
        cls.standin = Standin("--service-ms", "0")
        cls.addClassCleanup(cls.standin.end)

    def exchange(self, text):
        with self.standin.raw() as connection:
            connection.sendall(text)
            return read_all(connection)

    def test_echo_keeps_order_and_spelling_of_headers(self):
        answer = self.exchange(b"PUT /standin/echo?a=b HTTP/1.1\r\nHost: x\r\nB-Two: 1\r\n"
                               b"a-one:  2\r\nb-TWO: 3\r\nConnection: close\r\n"
                               b"Content-Length: 5\r\n\r\nhello")
        body = json.loads(answer.split(b"\r\n\r\n", 1)[1])
        self.assertEqual((body["method"], body["target"]), ("PUT", "/standin/echo?a=b"))
        self.assertEqual(body["headers"][:4],
                         [["Host", "x"], ["B-Two", "1"], ["a-one", "2"], ["b-TWO", "3"]])
        self.assertEqual((body["body_length"], body["body_crc32"]), (5, zlib.crc32(b"hello")))

    def test_keep_alive_pipelining_head_and_http_10(self):
        answer = self.exchange(b"GET /internal/ping HTTP/1.1\r\nHost: x\r\n\r\n"
                               b"HEAD /sdapi/v1/options HTTP/1.1\r\nHost: x\r\n\r\n"
                               b"GET /internal/ping HTTP/1.1\r\nHost: x\r\n"
                               b"Connection: close\r\n\r\n")
        self.assertEqual(answer.count(b"HTTP/1.1 200 OK\r\n"), 3)
        self.assertTrue(answer.endswith(b"connection: close\r\n\r\n{}"))
        old = self.exchange(b"GET /internal/ping HTTP/1.0\r\n\r\n")
        self.assertIn(b"connection: close", old)
        self.assertTrue(old.endswith(b"\r\n\r\n{}"))

    def test_the_page_sets_its_own_cookie(self):
        response, text = self.standin.request("GET", "/")
        self.assertRegex(response.getheader("Set-Cookie"), r"^sd_app=\d+; Path=/$")
        self.assertIn(b"<progress", text)

    def test_streams_events_and_trailers(self):
        response, text = self.standin.request(
            "GET", "/standin/stream?chunks=3&interval_ms=1&bytes=4")
        self.assertEqual(response.getheader("Transfer-Encoding"), "chunked")
        self.assertEqual(text, b"aaaabbbbcccc")
        response, text = self.standin.request("GET", "/standin/sse?events=2&interval_ms=1")
        self.assertEqual(response.getheader("Content-Type"), "text/event-stream")
        self.assertEqual(text.count(b"data: "), 2)
        answer = self.exchange(b"GET /standin/trailers HTTP/1.1\r\nHost: x\r\n"
                               b"Connection: close\r\n\r\n")
        self.assertTrue(answer.endswith(b"0\r\nx-standin-checksum: 1234\r\n\r\n"))
        old = self.exchange(b"GET /standin/stream?chunks=2&bytes=1&interval_ms=0 HTTP/1.0\r\n\r\n")
        self.assertTrue(old.endswith(b"\r\n\r\nab"))

    def test_upload_chunked_and_with_100_continue(self):
        answer = self.exchange(b"POST /standin/upload HTTP/1.1\r\nHost: x\r\n"
                               b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
                               b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n")
        body = json.loads(answer.split(b"\r\n\r\n", 1)[1])
        self.assertEqual((body["length"], body["crc32"], body["chunked"]),
                         (7, zlib.crc32(b"abcdefg"), True))
        with self.standin.raw() as connection:
            connection.sendall(b"POST /standin/upload HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
                               b"Expect: 100-continue\r\nConnection: close\r\n\r\n")
            self.assertEqual(read_until(connection, b"\r\n\r\n"),
                             b"HTTP/1.1 100 Continue\r\n\r\n")
            connection.sendall(b"hi")
            self.assertIn(b'"length":2', read_all(connection))
        large = b"x" * 3000000
        body = json.loads(self.standin.request("POST", "/standin/upload", large)[1])
        self.assertEqual((body["length"], body["crc32"]), (len(large), zlib.crc32(large)))

    def test_misbehaviour_on_request(self):
        self.assertEqual(self.exchange(b"GET /standin/close HTTP/1.1\r\nHost: x\r\n\r\n"), b"")
        half = self.exchange(b"GET /standin/half HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertIn(b"content-length: 100", half)
        self.assertEqual(len(half.split(b"\r\n\r\n", 1)[1]), 50)
        early = self.exchange(b"POST /standin/early?status=429 HTTP/1.1\r\nHost: x\r\n"
                              b"Content-Length: 1000000\r\n\r\nonly this much")
        self.assertTrue(early.startswith(b"HTTP/1.1 429 "))
        hints = self.exchange(b"GET /standin/103 HTTP/1.1\r\nHost: x\r\n"
                              b"Connection: close\r\n\r\n")
        self.assertTrue(hints.startswith(b"HTTP/1.1 103 Early Hints\r\n"))
        self.assertIn(b"HTTP/1.1 200 OK\r\n", hints)
        self.assertEqual(self.standin.request("GET", "/standin/status/418")[0].status, 418)
        begin = time.monotonic()
        self.standin.json("GET", "/standin/slow_headers?ms=200")
        self.assertGreaterEqual(time.monotonic() - begin, 0.2)

    def test_malformed_requests_get_an_answer(self):
        self.assertTrue(self.exchange(b"NONSENSE\r\n\r\n").startswith(b"HTTP/1.1 400 "))
        unknown = self.exchange(b"POST /standin/echo HTTP/1.1\r\nHost: x\r\n"
                                b"Transfer-Encoding: gzip\r\n\r\nabc")
        self.assertTrue(unknown.startswith(b"HTTP/1.1 501 "))
        large = self.exchange(b"GET / HTTP/1.1\r\nX: " + b"a" * 200000 + b"\r\n\r\n")
        self.assertTrue(large.startswith(b"HTTP/1.1 431 "))
        body = self.exchange(b"POST /sdapi/v1/txt2img HTTP/1.1\r\nHost: x\r\n"
                             b"Content-Length: 99999999999\r\n\r\n")
        self.assertTrue(body.startswith(b"HTTP/1.1 413 "))

    def test_websocket_echo(self):
        with self.standin.raw() as connection:
            connection.sendall(b"GET /standin/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                               b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                               b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
            head = read_until(connection, b"\r\n\r\n")
            self.assertIn(b" 101 ", head.splitlines()[0])
            self.assertIn(b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", head)  # RFC 6455 section 1.3
            mask = b"\x01\x02\x03\x04"
            masked = bytes(c ^ mask[i % 4] for i, c in enumerate(b"hello"))
            connection.sendall(b"\x81\x85" + mask + masked)
            self.assertEqual(read_until(connection, b"hello"), b"\x81\x05hello")
            connection.sendall(b"\x88\x80" + mask)
            self.assertTrue(read_all(connection).startswith(b"\x88"))
        self.assertEqual(self.standin.request("GET", "/standin/ws")[0].status, 426)

    def test_connections_are_bounded(self):
        standin = self.start("--max-connections", "3")
        held = [standin.raw() for _ in range(3)]
        for connection in held:
            self.addCleanup(connection.close)
            connection.sendall(b"GET /internal/ping HTTP/1.1\r\nHost: x\r\n\r\n")
            read_until(connection, b"{}")
        with standin.raw() as extra:
            self.assertTrue(read_all(extra).startswith(b"HTTP/1.1 503 "))
        held[0].close()
        wait_for(lambda: standin.request("GET", "/internal/ping")[0].status == 200, "room")

    def test_idle_connections_are_closed(self):
        standin = self.start("--timeout-keep-alive", "1")
        with standin.raw() as connection:
            connection.sendall(b"GET /internal/ping HTTP/1.1\r\nHost: x\r\n\r\n")
            read_until(connection, b"{}")
            begin = time.monotonic()
            self.assertEqual(connection.recv(1), b"")
            self.assertGreaterEqual(time.monotonic() - begin, 0.9)

    def test_hundreds_at_once_are_all_answered(self):
        clients = [self.standin.raw() for _ in range(300)]
        try:
            for client in clients:
                client.sendall(b"POST /sdapi/v1/txt2img?ms=0 HTTP/1.1\r\nHost: x\r\n"
                               b"Connection: close\r\nContent-Length: 24\r\n\r\n"
                               b'{"width": 8, "height":8}')
            for client in clients:
                self.assertTrue(read_all(client).startswith(b"HTTP/1.1 200 "))
        finally:
            for client in clients:
                client.close()


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__.splitlines()[2])
    BINARY = sys.argv[1]
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
