"""The log of both programs: the access log and its switch, text for people, and outputs that nobody reads."""

import json
import os
import signal

from activator_harness import Activator, SidecarTest, revision
from harness import wait_for


class LogsTest(SidecarTest):
    def serve(self, *arguments, environment=None, sidecar=None, **more):
        self.one = self.sidecar("p", sidecar)
        self.one.gate.open(1000)
        Activator.environment = {**os.environ, **(environment or {})}
        self.addCleanup(setattr, Activator, "environment", None)
        self.start([revision([self.one], **more)], *arguments)
        self.wait_ready(1)

    def events(self, lines, event):
        return [line for line in map(json.loads, lines) if line["event"] == event]

    def requests(self, count=1, lines=None):
        lines = self.activator.err if lines is None else lines
        return wait_for(lambda: (found := self.events(list(lines), "request")) and len(found) >= count and found,
                        "%d lines of requests" % count)

    def gone(self, pods):
        """With no pod a request gets 504 after 100 ms."""
        self.activator.reload([revision(pods, annotations={"sluice.dev/cold-start-timeout": "100ms"})])


class AccessLog(LogsTest):
    def test_a_line_for_each_request(self):
        self.serve("--access-log", "all")
        self.ask("POST", "/a/b?key=s3cret", (("X-Request-Id", "r-1"), ("Authorization", "Bearer t0p")), body="abc")
        (line,) = self.requests()
        self.assertEqual({name: line[name] for name in (
            "severity", "logger", "message", "status", "request_id", "revision", "pod", "bytes", "dispatches",
            "ended_by")},
            {"severity": "INFO", "logger": "activator", "message": "POST /a/b", "status": 200, "request_id": "r-1",
             "revision": "default/sd-00001", "pod": "p", "bytes": 3, "dispatches": 1, "ended_by": "pod"})
        self.assertGreater(line["request"], 0)
        self.assertGreater(line["run_s"], 0)
        self.assertLessEqual(line["cold_s"], line["wait_s"])
        self.assertRegex(line["client"], r"^127\.0\.0\.1:\d+$")
        said = "".join(self.activator.err)
        self.assertNotIn("s3cret", said)
        self.assertNotIn("t0p", said)

    def test_a_request_for_nobody(self):
        self.start([revision(service="a"), revision(service="b")], "--access-log", "all")
        self.assertEqual(self.ask(host="nobody.example.com").status, 404)
        (line,) = self.requests()
        self.assertEqual([line[name] for name in ("status", "host", "ended_by")],
                         [404, "nobody.example.com", "activator"])
        self.assertNotIn("pod", line)
        self.assertNotIn("revision", line)

    def test_who_ended_it(self):
        self.serve("--access-log", "all", annotations={"sluice.dev/cold-start-timeout": "100ms"})
        self.gone([])
        self.assertEqual(self.ask().status, 504)
        line = self.requests()[0]
        self.assertEqual((line["ended_by"], line["severity"]), ("queue", "WARNING"))
        self.assertGreaterEqual(line["wait_s"], .1)
        self.gone([self.one])
        self.wait_ready(1)
        while self.one.gate.semaphore.acquire(blocking=False):
            pass
        leaver = self.begin()
        wait_for(lambda: self.one.app.inside == 1, "the request to be at its pod")
        leaver.close()
        line = self.requests(2)[1]
        self.assertEqual((line["ended_by"], line["status"], line["pod"]), ("client", 0, "p"))

    def test_only_failures_unless_told_otherwise(self):
        self.serve()
        self.assertEqual(self.ask().status, 200)
        self.gone([])
        self.assertEqual(self.ask().status, 504)
        self.assertEqual([line["status"] for line in self.requests()], [504])

    def test_none(self):
        self.serve(environment={"SLUICE_ACCESS_LOG": "off"})
        self.gone([])
        self.assertEqual(self.ask().status, 504)
        self.activator.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.activator.exit_code(), 0)
        self.assertEqual(self.events(self.activator.err, "request"), [])

    def test_the_queue_proxys(self):
        self.serve(sidecar={"SLUICE_ACCESS_LOG": "all"})
        self.assertEqual(self.ask(target="/x?secret").status, 200)
        (line,) = self.requests(lines=self.one.proxy.err)  # probes are none
        self.assertEqual([line[name] for name in ("logger", "message", "status", "bytes", "ended_by")],
                         ["queueproxy", "GET /x", 200, 3, "pod"])


class Formats(LogsTest):
    def test_every_line_is_an_event(self):
        self.serve("--access-log", "all")
        self.ask()
        self.activator.process.send_signal(signal.SIGTERM)
        self.activator.exit_code()
        for line in map(json.loads, [*self.activator.err, *self.one.proxy.err]):
            self.assertRegex(line["event"], "^[a-z_]+$")
            self.assertRegex(line["timestamp"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
            self.assertIn(line["severity"], ("INFO", "WARNING", "ERROR"))
            self.assertTrue(line["message"])

    def test_text_for_people(self):
        self.one = self.sidecar("p")
        self.one.gate.open(1000)
        self.start([revision([self.one])], "--log-format", "text", "--access-log", "all", wait=False)
        wait_for(lambda: self.activator.logged("[started]"), "the start")
        self.wait_ready(1)
        self.assertEqual(self.ask(target="/hello").status, 200)
        (line,) = wait_for(lambda: self.activator.logged("[request]"), "the request's line")
        self.assertRegex(line, r"^\d\d:\d\d:\d\d\.\d{3} INFO \[request\] GET /hello status=200 .* ended_by=pod client=")

    def test_wrong_words_are_refused(self):
        for arguments, said in ((("--log-format", "xml"), "--log-format: xml not in {json,text}"),
                                (("--access-log", "some"), "--access-log: some not in {off,errors,all}")):
            self.start([], *arguments, wait=False)
            self.assertEqual(self.activator.exit_code(), 64)
            self.assertIn(said, "".join(self.activator.err))


class NobodyReads(LogsTest):
    def test_a_log_that_nobody_reads_any_more_stops_nothing(self):
        """Both programs' stderr is a pipe whose reader goes: requests, and an orderly end, go on."""
        self.serve("--access-log", "all", sidecar={"SLUICE_ACCESS_LOG": "all"})
        self.cut(self.activator.process.stderr)
        self.cut(self.one.proxy.process.stderr)
        for _ in range(20):
            self.assertEqual(self.ask().status, 200)
        self.assertGreaterEqual(self.one.metric("sluice_log_lines_lost_total"), 19)
        self.activator.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.activator.process.wait(30), 0)
        self.one.proxy.signal(signal.SIGTERM)
        self.assertEqual(self.one.proxy.process.wait(30), 0)

    @staticmethod
    def cut(stream):
        """Nobody has the reading end any more, once the thread that reads it has got one more line."""
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
