"""Traces: one tree from the client over the activator and the queue-proxy to the application; who does not record
touches nothing; and a collector that is dead or stuck delays nobody."""

import os
import re
import signal
import socket

from activator_harness import Activator, SidecarTest, revision
from collector import Collector, GrpcCollector, TRACES
from harness import free_ports, wait_for

TRACE = "0af7651916cd43dd8448eb211c80319c"
CLIENT = "b7ad6b7169203331"
RECORDED = "00-%s-%s-01" % (TRACE, CLIENT)
UNRECORDED = "00-%s-%s-00" % (TRACE, CLIENT)
INTERNAL, SERVER, CALLS = 1, 2, 3
FAST = {"OTEL_BSP_SCHEDULE_DELAY": "50"}


class TracesTest(SidecarTest):
    def collector(self, **more):
        collector = Collector(**more)
        self.addCleanup(collector.close)
        return collector

    def traced(self, variables, sidecars=("p",), **more):
        """An activator and queue-proxies with these variables; each application lets everybody through."""
        self.sidecars = [self.sidecar(name, {**FAST, **variables}) for name in sidecars]
        for sidecar in self.sidecars:
            sidecar.gate.open(1000)
        Activator.environment = {**os.environ, **FAST, **variables}
        self.addCleanup(setattr, Activator, "environment", None)
        self.start([revision(self.sidecars, **more)], "--access-log", "all")
        self.wait_ready(len(sidecars))

    def seen(self, sidecar=0):
        """What the application got."""
        return self.sidecars[sidecar].app.requests

    def metric(self, name):
        connection = self.activator.connect(self.activator.admin)
        self.addCleanup(connection.close)
        connection.send("GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n")
        text = connection.read_response().body.decode()
        return float(re.search("^%s (.*)$" % name, text, re.MULTILINE)[1])


class Trees(TracesTest):
    def test_one_tree_from_the_client_to_the_application(self):
        collector = self.collector()
        self.traced({"OTEL_EXPORTER_OTLP_ENDPOINT": collector.address,
                     "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20t0p"})
        response = self.ask("POST", "/sdapi?key=s3cret", (("Traceparent", RECORDED), ("Tracestate", "v=1"),
                                                          ("Baggage", "a=b")), body="x")
        self.assertEqual(response.status, 200)
        spans = collector.wait(7)
        self.assertEqual(len(spans), 7, spans)
        self.assertEqual({span.trace for span in spans}, {TRACE})
        self.assertEqual({span.state for span in spans}, {"v=1"})
        self.assertFalse([span for span in spans if span.failed])

        server = collector.named("activator", "POST")
        wait = collector.named("activator", "wait")
        run = collector.named("activator", "run")
        sidecar = collector.named("svc", "POST")
        proxied = collector.named("svc", "kn.queueproxy.proxy")
        queued = collector.named("svc", "kn.queueproxy.wait")
        sent = collector.named("svc", "HTTP POST")
        self.assertEqual([span.kind for span in (server, wait, run, sidecar, proxied, queued, sent)],
                         [SERVER, INTERNAL, CALLS, SERVER, INTERNAL, INTERNAL, CALLS])
        for child, parent in ((wait, server), (run, server), (sidecar, run), (proxied, sidecar), (queued, proxied),
                              (sent, proxied)):
            self.assertEqual(child.parent, parent.id, (child, parent))
            self.assertLessEqual(parent.began - 10**6, child.began)  # two processes read two clocks
            self.assertLessEqual(child.ended, parent.ended + 10**6)
        self.assertEqual(server.parent, CLIENT)
        self.assertEqual(len({span.id for span in spans}), 7)

        (request,) = self.seen()
        self.assertEqual(request.all("traceparent"), ["00-%s-%s-01" % (TRACE, sent.id)])
        self.assertEqual((request.get("tracestate"), request.get("baggage")), ("v=1", "a=b"))
        self.assertEqual(server.attributes["url.path"], "/sdapi")
        self.assertEqual(server.attributes["http.response.status_code"], 200)
        self.assertEqual(server.attributes["kn.revision.name"], "sd-00001")
        self.assertEqual(server.attributes["sluice.ended_by"], "pod")
        self.assertEqual(run.attributes["k8s.pod.name"], "p")
        self.assertEqual(sidecar.resource["kn.revision.name"], "rev")
        for post in collector.posts:
            self.assertEqual((post.target, post.get("content-type"), post.get("authorization")),
                             ("/v1/traces", "application/x-protobuf", "Bearer t0p"))
            self.assertNotIn(b"s3cret", post.body)
        logged = "".join(self.activator.err)
        self.assertNotIn("t0p", logged)
        self.assertNotIn("s3cret", logged)
        self.assertIn('"trace_id":"%s"' % TRACE, logged)
        wait_for(lambda: self.metric("sluice_trace_spans_exported_total") == 3, "the count of spans")

    def test_in_json_if_that_is_wanted(self):
        collector = self.collector()
        self.traced({"OTEL_EXPORTER_OTLP_ENDPOINT": collector.address, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"})
        self.assertEqual(self.ask().status, 200)
        self.assertEqual(len({span.trace for span in collector.wait(7)}), 1)
        self.assertEqual({post.get("content-type") for post in collector.posts}, {"application/json"})

    def test_over_grpc(self):
        collector = GrpcCollector()
        self.addCleanup(collector.close)
        self.traced({"OTEL_EXPORTER_OTLP_ENDPOINT": collector.address, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})
        self.assertEqual(self.ask().status, 200)
        self.assertEqual(len({span.trace for span in collector.wait(7)}), 1)
        self.assertEqual({(call.get(":path"), call.get("content-type"), call.get("te")) for call in collector.posts},
                         {(TRACES, "application/grpc", "trailers")})

    def test_a_request_without_a_trace_begins_one(self):
        collector = self.collector()
        self.traced({"OTEL_EXPORTER_OTLP_ENDPOINT": collector.address})
        self.assertEqual(self.ask(headers=(("traceparent", "00-rubbish"), ("tracestate", "x=y"))).status, 200)
        collector.wait(7)
        server = collector.named("activator", "GET")
        self.assertIsNone(server.parent)
        self.assertEqual({span.trace for span in collector.spans}, {server.trace})
        self.assertTrue(self.activator.logged('"trace_id":"%s"' % server.trace))
        (request,) = self.seen()
        self.assertRegex(request.get("traceparent"), "^00-%s-[0-9a-f]{16}-01$" % server.trace)
        self.assertIsNone(request.get("tracestate"))

    def test_a_cold_start_has_a_span(self):
        collector = self.collector()
        self.traced({"OTEL_EXPORTER_OTLP_ENDPOINT": collector.address})
        self.activator.reload([revision([])])
        connection = self.begin()
        self.wait_state(waiting=1)
        self.activator.reload([revision(self.sidecars)])
        self.assertEqual(connection.read_response().status, 200)
        collector.wait(8)
        server, cold = collector.named("activator", "GET"), collector.named("activator", "cold start")
        wait = collector.named("activator", "wait")
        self.assertEqual((cold.parent, wait.parent), (server.id, server.id))
        self.assertEqual(cold.began, wait.began)
        self.assertLessEqual(cold.ended, wait.ended)
        self.assertGreater(cold.ended, cold.began)

    def test_who_ended_it_is_in_the_spans_of_failures(self):
        collector = self.collector()
        self.traced({"OTEL_EXPORTER_OTLP_ENDPOINT": collector.address},
                    annotations={"sluice.dev/cold-start-timeout": "100ms"})
        self.activator.reload([revision([], annotations={"sluice.dev/cold-start-timeout": "100ms"})])
        self.assertEqual(self.ask().status, 504)
        collector.wait(3)
        server = collector.named("activator", "GET")
        self.assertTrue(server.failed)
        self.assertEqual(server.attributes["sluice.ended_by"], "queue")
        self.assertEqual(server.attributes["http.response.status_code"], 504)

    def test_what_waits_is_sent_at_the_end(self):
        collector = self.collector()
        self.traced({"OTEL_EXPORTER_OTLP_ENDPOINT": collector.address, "OTEL_BSP_SCHEDULE_DELAY": "600000"})
        self.assertEqual(self.ask().status, 200)
        wait_for(lambda: self.activator.logged('"request"'), "the end of the request")
        self.assertEqual(collector.spans, [])
        self.activator.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.activator.exit_code(), 0)
        self.assertEqual({span.name for span in collector.spans}, {"GET", "wait", "run"})
        self.sidecars[0].proxy.signal(signal.SIGTERM)
        self.assertEqual(self.sidecars[0].proxy.exit_code(), 0)
        self.assertEqual(len(collector.spans), 7)


class NotRecorded(TracesTest):
    def passes_untouched(self, variables, traceparent):
        collector = self.collector()
        variables = {name: value.replace("COLLECTOR", collector.address) for name, value in variables.items()}
        self.traced(variables)
        headers = (("TraceParent", traceparent), ("TraceState", " a=1, b=2"), ("Baggage", "k=v;p"))
        self.assertEqual(self.ask(headers=headers).status, 200)
        (request,) = self.seen()
        self.assertEqual([request.all(name) for name in ("traceparent", "tracestate", "baggage")],
                         [[traceparent], ["a=1, b=2"], ["k=v;p"]])
        self.activator.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.activator.exit_code(), 0)
        self.assertEqual(collector.posts, [])

    def test_without_tracing(self):
        self.passes_untouched({}, RECORDED)

    def test_without_tracing_even_rubbish(self):
        self.passes_untouched({}, "00-rubbish")

    def test_with_the_sampler_off(self):
        self.passes_untouched({"OTEL_EXPORTER_OTLP_ENDPOINT": "COLLECTOR", "OTEL_TRACES_SAMPLER": "always_off"},
                              RECORDED)

    def test_with_a_parent_that_does_not_record(self):
        self.passes_untouched({"OTEL_EXPORTER_OTLP_ENDPOINT": "COLLECTOR"}, UNRECORDED)

    def test_a_trace_that_is_not_chosen_is_not_chosen_by_anybody(self):
        collector = self.collector()
        self.traced({"OTEL_EXPORTER_OTLP_ENDPOINT": collector.address,
                     "OTEL_TRACES_SAMPLER": "parentbased_always_off"})
        self.assertEqual(self.ask().status, 200)
        self.assertRegex(self.seen()[0].get("traceparent"), "^00-[0-9a-f]{32}-[0-9a-f]{16}-00$")
        self.assertEqual(self.ask(headers=(("traceparent", RECORDED),)).status, 200)
        collector.wait(7)
        self.assertEqual({span.trace for span in collector.spans}, {TRACE})


class CollectorAway(TracesTest):
    """Requests are answered one after the other while nothing takes their spans: if one waited for an export, the
    test would take the exporter's 10 s for each of them."""

    def many(self, count=300):
        connection = self.activator.connect()
        self.addCleanup(connection.close)
        for _ in range(count):
            connection.send("GET / HTTP/1.1\r\nHost: sd.default.example.com\r\n\r\n")
            self.assertEqual(connection.read_response().status, 200)

    def away(self, address):
        self.traced({"OTEL_EXPORTER_OTLP_ENDPOINT": address, "OTEL_BSP_MAX_QUEUE_SIZE": "100",
                     "OTEL_BSP_SCHEDULE_DELAY": "0"})
        self.many()
        self.assertGreaterEqual(self.metric("sluice_trace_spans_dropped_total"), 800)
        self.assertEqual(self.metric("sluice_trace_spans_exported_total"), 0)

    def test_dead(self):
        self.away("http://127.0.0.1:%d" % free_ports(1)[0])
        wait_for(lambda: self.activator.logged("trace_export_failed"), "the log to say so")
        self.many(50)
        self.assertEqual(len(self.activator.logged("trace_export_failed")), 1)
        self.activator.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.activator.exit_code(), 0)

    def test_stuck(self):
        """It takes connections and never a byte from them."""
        with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
            self.away("http://127.0.0.1:%d" % silent.getsockname()[1])
            self.activator.process.send_signal(signal.SIGTERM)
            self.assertEqual(self.activator.exit_code(), 0)

    def test_back_again(self):
        (port,) = free_ports(1)
        self.traced({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:%d" % port})
        self.assertEqual(self.ask().status, 200)
        wait_for(lambda: self.activator.logged("trace_export_failed"), "the log to say so")
        collector = self.collector(port=port)
        collector.wait(7)
        wait_for(lambda: self.activator.logged("trace_export_recovered"), "the log to say so")
