"""Metrics that are pushed (OTLP): both programs' numbers, over HTTP and gRPC; a collector that is away delays nobody
and is told of once; the end pushes once more."""

import json
import os
import signal
import socket

from activator_harness import Activator, SidecarTest, revision
from collector import Collector, GrpcCollector, METRICS, OK
from harness import free_ports, wait_for

# Long enough that only the end pushes.
NEVER = "600000"
HTTP_SCOPE = "go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
ENDED = "sluice.requests"


class PushTest(SidecarTest):
    def collector(self, kind=Collector, **more):
        collector = kind(**more)
        self.addCleanup(collector.close)
        return collector

    def pushing(self, variables, sidecar=None):
        """An activator and a queue-proxy with these variables, the queue-proxy with `sidecar` beside them."""
        self.sidecars = [self.sidecar("p", {**variables, **(sidecar or {})})]
        self.sidecars[0].gate.open(1000)
        Activator.environment = {**os.environ, **variables}
        self.addCleanup(setattr, Activator, "environment", None)
        self.start([revision(self.sidecars)], "--access-log", "all")
        self.wait_ready(1)

    def end(self):
        self.activator.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.activator.exit_code(), 0)
        self.sidecars[0].proxy.signal(signal.SIGTERM)
        self.assertEqual(self.sidecars[0].proxy.exit_code(), 0)

    @staticmethod
    def counted(metrics):
        return ENDED in metrics and metrics[ENDED].value(code_class="2xx") == 1

    @staticmethod
    def variables(collector, **more):
        return {"OTEL_METRICS_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": collector.address,
                "OTEL_TRACES_EXPORTER": "none", "OTEL_METRIC_EXPORT_INTERVAL": "100", **more}


class Pushes(PushTest):
    def both_programs(self, collector, **more):
        self.pushing(self.variables(collector, **more))
        self.assertEqual(self.ask("POST", "/x", body="abc").status, 200)
        return collector.pushed("activator", self.counted), collector.pushed("svc", self.counted)

    def test_both_programs_over_http(self):
        collector = self.collector()
        router, sidecar = self.both_programs(collector, OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20t0p")
        for post in collector.posts:
            self.assertEqual((post.target, post.get("content-type"), post.get("authorization")),
                             ("/v1/metrics", "application/x-protobuf", "Bearer t0p"))
        self.assertNotIn("t0p", "".join(self.activator.err))

        duration = sidecar["http.server.request.duration"]
        self.assertEqual((duration.unit, duration.kind, duration.scope), ("s", "histogram", HTTP_SCOPE))
        self.assertTrue(duration.is_cumulative)
        (point,) = duration.points
        self.assertEqual((point.value, sum(point.buckets), len(point.buckets)), (1, 1, len(point.bounds) + 1))
        self.assertEqual(point.attributes["http.request.method"], "POST")
        self.assertEqual(point.attributes["http.response.status_code"], 200)
        self.assertLess(point.began, point.time)
        self.assertEqual(sidecar["http.server.request.body.size"].unit, "By")
        self.assertEqual(sidecar["http.server.request.body.size"].points[0].sum, 3)
        client = sidecar["http.client.request.duration"].points[0].attributes
        self.assertEqual((client["server.address"], client["server.port"]),
                         ("127.0.0.1", self.sidecars[0].app.port))
        depth = sidecar["kn.serving.queue.depth"]
        self.assertEqual((depth.kind, depth.unit, depth.value()), ("gauge", "{request}", 1))
        self.assertEqual(depth.scope, "knative.dev/serving/pkg/queue")
        self.assertEqual(duration.resource["kn.revision.name"], "rev")
        self.assertEqual([name for name in sidecar if name.startswith(("revision", "target_info"))], [])

        for metrics in (router, sidecar):
            ended = metrics[ENDED]
            self.assertEqual((ended.kind, ended.is_monotonic, ended.is_cumulative, ended.scope),
                             ("sum", True, True, "sluice"))
            waits = metrics["sluice.wait_seconds"]
            self.assertEqual((waits.unit, waits.points[0].value), ("s", 1))
            self.assertTrue(metrics["sluice.timers"].resource["service.instance.id"])
        self.assertEqual(router["sluice.pods_ready"].points[0].attributes["revision_name"], "sd-00001")

    def test_both_programs_over_grpc(self):
        collector = self.collector(GrpcCollector)
        self.both_programs(collector, OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
        self.assertEqual({(call.get(":path"), call.get("content-type"), call.get("te")) for call in collector.posts},
                         {(METRICS, "application/grpc", "trailers")})

    def test_knatives_configuration_pushes_and_opens_no_port(self):
        collector = self.collector()
        said = {"protocol": "http/protobuf", "endpoint": collector.address, "exportInterval": 100_000_000}
        (metrics,) = free_ports(1)
        self.pushing({}, {"OBSERVABILITY_CONFIG": json.dumps({"requestMetrics": said}),
                          "METRICS_PROMETHEUS_PORT": str(metrics), "SLUICE_METRICS_PORT": None})
        self.assertEqual(self.ask().status, 200)
        collector.pushed("svc", self.counted)
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", metrics))

    def test_the_end_pushes_what_was_counted_last(self):
        collector = self.collector()
        self.pushing(self.variables(collector, OTEL_METRIC_EXPORT_INTERVAL=NEVER))
        self.assertEqual(self.ask().status, 200)
        wait_for(lambda: self.activator.logged('"request"'), "the end of the request")
        self.assertEqual(collector.posts, [])
        self.end()
        self.assertTrue(self.counted(collector.pushed("activator")))
        self.assertTrue(self.counted(collector.pushed("svc")))
        self.assertEqual(len(collector.posts), 2)

    def test_nothing_said_nothing_pushed(self):
        """An endpoint for everything is there for traces; Prometheus's port is open as ever."""
        collector = self.collector()
        self.pushing({"OTEL_EXPORTER_OTLP_ENDPOINT": collector.address, "OTEL_METRIC_EXPORT_INTERVAL": "50",
                      "OTEL_BSP_SCHEDULE_DELAY": "0"})
        self.assertEqual(self.ask().status, 200)
        collector.wait(7)
        self.end()
        self.assertEqual(collector.pushes, [])


class CollectorAway(PushTest):
    def told(self, event):
        return self.activator.logged('"%s"' % event)

    def outage(self, collector, come_back):
        wait_for(lambda: self.told("metrics_export_failed"), "the log to say so")
        for _ in range(20):
            self.assertEqual(self.ask().status, 200)
        come_back()
        collector().pushed("activator", lambda metrics: metrics[ENDED].value(code_class="2xx") == 20)
        wait_for(lambda: self.told("metrics_export_recovered"), "the log to say so")
        self.assertEqual(len(self.told("metrics_export_failed")), 1)

    def test_dead_and_back(self):
        (port,) = free_ports(1)
        self.pushing({"OTEL_METRICS_EXPORTER": "otlp", "OTEL_METRIC_EXPORT_INTERVAL": "100",
                      "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://127.0.0.1:%d/v1/metrics" % port})
        back = []
        self.outage(lambda: back[0], lambda: back.append(self.collector(port=port)))

    def test_refuses_over_http_and_takes_again(self):
        collector = self.collector(answer="HTTP/1.1 503 Not Now\r\nContent-Length: 0\r\n\r\n")
        self.pushing(self.variables(collector))
        self.outage(lambda: collector, lambda: setattr(collector, "answer", OK))
        self.assertIn("answered 503", self.told("metrics_export_failed")[0])

    def test_refuses_over_grpc_and_takes_again(self):
        collector = self.collector(GrpcCollector)
        collector.status = 14
        self.pushing(self.variables(collector, OTEL_EXPORTER_OTLP_PROTOCOL="grpc"))
        self.outage(lambda: collector, lambda: setattr(collector, "status", 0))
        self.assertIn("answered gRPC status 14: not now", self.told("metrics_export_failed")[0])

    def test_stuck_it_holds_neither_requests_nor_the_end_up(self):
        """It takes connections and never a byte from them. Within the exporter's 10 s for a push, and 5 s for the
        end, the harness would give up."""
        with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
            address = "http://127.0.0.1:%d" % silent.getsockname()[1]
            self.pushing({"OTEL_METRICS_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": address,
                          "OTEL_METRIC_EXPORT_INTERVAL": "50", "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT": "100"})
            for _ in range(50):
                self.assertEqual(self.ask().status, 200)
            wait_for(lambda: self.told("metrics_export_failed"), "the log to say so")
            self.end()
