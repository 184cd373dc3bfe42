"""Reads OTLP's messages: protobuf's wire format by hand, with opentelemetry-proto's field numbers, so that what the
programs write is not read by what wrote it."""

import json
import struct


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def wire(data):
    """{field: [value]}: a number for a varint, 8 bytes for a fixed64, bytes for the rest."""
    fields = {}
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        kind = tag & 7
        if kind == 0:
            value, at = varint(data, at)
        else:
            size = 8
            if kind == 2:
                size, at = varint(data, at)
            assert kind in (1, 2), "no wire type of OTLP's: %d" % kind
            value, at = data[at:at + size], at + size
            assert len(value) == size, "cut"
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def one(fields, number, fallback=b""):
    (value,) = fields.get(number, [fallback])
    return value


def text(fields, number):
    return one(fields, number).decode()


def integer(data):
    return struct.unpack("<q", data)[0]


def real(data):
    return struct.unpack("<d", data)[0]


def reals(data):
    return [real(data[at:at + 8]) for at in range(0, len(data), 8)]


def any_value(data):
    ((number, (value,)),) = wire(data).items()
    return {1: lambda: value.decode(), 2: lambda: bool(value), 3: lambda: value, 4: lambda: real(value)}[number]()


def attributes(fields, number):
    pairs = [wire(one_of) for one_of in fields.get(number, [])]
    return {text(pair, 1): any_value(one(pair, 2)) for pair in pairs}


def scopes(data, scope_field=2):
    """(resource, scope's name, its items) of each group of an Export…ServiceRequest."""
    for group in map(wire, wire(data).get(1, [])):
        resource = attributes(wire(one(group, 1)), 1)
        for scope in map(wire, group.get(scope_field, [])):
            yield resource, text(wire(one(scope, 1)), 1), scope.get(2, [])


class Span:
    def __init__(self, resource):
        self.resource = resource
        self.service = resource["service.name"]

    @classmethod
    def of_protobuf(cls, data, resource):
        span, found = cls(resource), wire(data)
        span.name, span.kind = text(found, 5), one(found, 6, 0)
        span.trace, span.id = one(found, 1).hex(), one(found, 2).hex()
        span.parent = one(found, 4).hex() or None
        span.state = text(found, 3) or None
        span.began, span.ended = integer(one(found, 7)), integer(one(found, 8))
        span.attributes = attributes(found, 9)
        span.failed = one(wire(one(found, 15)), 3, 0) == 2
        return span

    @classmethod
    def of_json(cls, found, resource):
        span = cls(resource)
        span.name, span.kind = found["name"], found["kind"]
        span.trace, span.id = found["traceId"], found["spanId"]
        span.parent = found.get("parentSpanId")
        span.state = found.get("traceState")
        span.began, span.ended = int(found["startTimeUnixNano"]), int(found["endTimeUnixNano"])
        span.attributes = plain(found["attributes"])
        span.failed = found.get("status", {}).get("code") == 2
        return span

    def __repr__(self):
        return "%s %s (%s) below %s" % (self.service, self.name, self.id, self.parent)


def plain(listed):
    """{name: value} of JSON's list of attributes."""
    values = {}
    for pair in listed:
        ((kind, value),) = pair["value"].items()
        values[pair["key"]] = int(value) if kind == "intValue" else value
    return values


def spans_of_protobuf(data):
    return [Span.of_protobuf(span, resource) for resource, _, spans in scopes(data) for span in spans]


def spans_of_json(data):
    return [Span.of_json(found, plain(group["resource"]["attributes"]))
            for group in json.loads(data)["resourceSpans"] for scope in group["scopeSpans"] for found in scope["spans"]]


class Point:
    """A number, or a histogram: `value` is then its count."""

    def __init__(self, data, is_histogram):
        fields = wire(data)
        self.attributes = attributes(fields, 9 if is_histogram else 7)
        self.began = integer(one(fields, 2, bytes(8)))
        self.time = integer(one(fields, 3))
        if is_histogram:
            self.value, self.sum = integer(one(fields, 4)), real(one(fields, 5))
            self.buckets = [integer(one(fields, 6)[at:at + 8]) for at in range(0, len(one(fields, 6)), 8)]
            self.bounds = reals(one(fields, 7))
        else:
            self.value = integer(one(fields, 6)) if 6 in fields else real(one(fields, 4))


class Metric:
    KINDS = {5: "gauge", 7: "sum", 9: "histogram"}

    def __init__(self, data, scope, resource):
        fields = wire(data)
        self.name, self.help, self.unit = text(fields, 1), text(fields, 2), text(fields, 3)
        self.scope, self.resource = scope, resource
        ((number, kind),) = [(number, kind) for number, kind in self.KINDS.items() if number in fields]
        self.kind = kind
        inside = wire(one(fields, number))
        self.is_cumulative = one(inside, 2, 0) == 2
        self.is_monotonic = one(inside, 3, 0) == 1
        self.points = [Point(point, kind == "histogram") for point in inside[1]]

    def value(self, **wanted):
        """Of the one point that has these attributes."""
        (point,) = [point for point in self.points if wanted.items() <= point.attributes.items()]
        return point.value


def metrics_of_protobuf(data):
    """{name: Metric}; a name stands once."""
    found = {}
    for resource, scope, metrics in scopes(data):
        for metric in (Metric(one_of, scope, resource) for one_of in metrics):
            assert metric.name not in found, metric.name
            found[metric.name] = metric
    return found
