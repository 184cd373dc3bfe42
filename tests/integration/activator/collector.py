"""A small OpenTelemetry collector: what is posted to it, as spans that know their resource."""

import json
import threading

from harness import App, wait_for

OK = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


def plain(attributes):
    """{name: value} of OTLP's list of attributes."""
    values = {}
    for one in attributes:
        ((kind, value),) = one["value"].items()
        values[one["key"]] = int(value) if kind == "intValue" else value
    return values


class Span:
    def __init__(self, found, resource):
        self.name, self.kind = found["name"], found["kind"]
        self.trace, self.id = found["traceId"], found["spanId"]
        self.parent = found.get("parentSpanId")
        self.state = found.get("traceState")
        self.began, self.ended = int(found["startTimeUnixNano"]), int(found["endTimeUnixNano"])
        self.attributes = plain(found["attributes"])
        self.failed = found.get("status", {}).get("code") == 2
        self.service = resource["service.name"]
        self.resource = resource

    def __repr__(self):
        return "%s %s (%s) below %s" % (self.service, self.name, self.id, self.parent)


class Collector:
    def __init__(self, answer=OK):
        self.lock = threading.Lock()
        self.answer = answer
        self.spans = []
        self.posts = []
        self.app = App(self.take)
        self.address = "http://127.0.0.1:%d" % self.app.port

    def take(self, request, connection):
        with self.lock:
            self.posts.append(request)
            for group in json.loads(request.body)["resourceSpans"]:
                resource = plain(group["resource"]["attributes"])
                for scope in group["scopeSpans"]:
                    self.spans += [Span(found, resource) for found in scope["spans"]]
        connection.answer(self.answer)

    def wait(self, count):
        wait_for(lambda: len(self.spans) >= count, lambda: "%d spans, there are %s" % (count, self.spans))
        return self.spans

    def named(self, service, name):
        (found,) = [span for span in self.spans if (span.service, span.name) == (service, name)]
        return found

    def close(self):
        self.app.close()
