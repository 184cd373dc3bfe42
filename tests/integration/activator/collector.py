"""A small OpenTelemetry collector: what is pushed to it, as spans that know their resource, and as metrics."""

import struct
import threading

from harness import App, wait_for
from http2_peer import Http2App
from otlp import metrics_of_protobuf, spans_of_json, spans_of_protobuf

OK = "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n"
TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
METRICS = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"


class Collector:
    """OTLP over HTTP, in protobuf or JSON."""

    def __init__(self, answer=OK, port=0):
        self.lock = threading.Lock()
        self.answer = answer
        self.spans = []
        self.pushes = []  # of metrics: {name: Metric} each
        self.posts = []
        self.app = self.serve(port)
        self.address = "http://127.0.0.1:%d" % self.app.port

    def serve(self, port):
        return App(self.take, port=port)

    def take(self, request, connection):
        with self.lock:
            self.posts.append(request)
        if self.answer == OK:
            is_json = request.get("content-type") == "application/json"
            self.keep(request.target, request.body, is_json)
        connection.answer(self.answer)

    def keep(self, path, body, is_json=False):
        with self.lock:
            if path.endswith("/v1/metrics") or path == METRICS:
                self.pushes.append(metrics_of_protobuf(body))
            else:
                self.spans += spans_of_json(body) if is_json else spans_of_protobuf(body)

    def wait(self, count):
        wait_for(lambda: len(self.spans) >= count, lambda: "%d spans, there are %s" % (count, self.spans))
        return self.spans

    def named(self, service, name):
        (found,) = [span for span in self.spans if (span.service, span.name) == (service, name)]
        return found

    def pushed(self, service, condition=lambda metrics: True):
        """The latest metrics of a service that `condition` is true for, once there are some."""
        def found():
            with self.lock:
                pushes = [push for push in self.pushes
                          if next(iter(push.values())).resource["service.name"] == service and condition(push)]
            return pushes and pushes[-1]
        return wait_for(found, lambda: "metrics of %s, of %d pushes" % (service, len(self.pushes)))

    def close(self):
        self.app.close()


class GrpcCollector(Collector):
    """The same over gRPC: cleartext HTTP/2."""

    status = 0

    def serve(self, port):
        return Http2App(self.take_call, port=port)

    def take_call(self, peer, stream):
        with self.lock:
            self.posts.append(stream)
            status = self.status
        compressed, size = struct.unpack(">BI", stream.body[:5])
        assert (compressed, size) == (0, len(stream.body) - 5)
        if status == 0:
            self.keep(stream.get(":path"), stream.body[5:])
            peer.headers(stream.number, [(":status", "200"), ("content-type", "application/grpc")])
            peer.data(stream.number, bytes(5))
            peer.headers(stream.number, [("grpc-status", "0")], end=True)
        else:
            peer.headers(stream.number, [(":status", "200"), ("content-type", "application/grpc"),
                                         ("grpc-status", str(status)), ("grpc-message", "not now")], end=True)
