// Spans on their way to a collector that takes them, refuses them, or is not there; and what the
// end of the program waits for.
#include "common/trace/span_exporter.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "common/http/http_server.hpp"
#include "common/http/simple_response.hpp"
#include "common/trace/tracer.hpp"
#include "tests/support/proto_tree.hpp"
#include "tests/support/shell_fixture.hpp"

namespace common {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

// An HTTP server on loopback that keeps what was posted.
struct Collector : ShellFixture {
    Collector()
        : server(tasks, time, hangups, ServerLimits{},
                 [this](Exchange& exchange) { return take(exchange, *this); }) {
        REQUIRE(server.open({"127.0.0.1", 0, {}}).empty());
        server.start();
        settings.to = TraceSettings::To::collector;
        settings.collector.url = {false, {"127.0.0.1", server.local_address().port}, "/v1/traces"};
        settings.collector.protocol = OtlpProtocol::http_json;
        settings.collector.headers = {{"x-key", "k"}};
        settings.resource = {{"service.name", "test"}};
        settings.queue.batch_max = 3;
        settings.queue.spans_max = 6;
    }
    ~Collector() {
        server.close_now();
        run_until(io, [this] { return tasks.size() == 0; });
    }

    static awaitable<void> take(Exchange& exchange, Collector& self) {
        std::string body;
        while (!exchange.body_done()) {
            const BodyRead read = co_await exchange.read_body();
            if (read.ec) co_return;
            for (const std::string_view part : read.piece.parts)
                body.append(part);
        }
        self.heads.push_back(exchange.request());
        self.texts.push_back(body);
        self.bodies.push_back(json::parse(body, nullptr, false));
        SimpleResponse response;
        response.status = self.status;
        co_await respond(exchange, std::move(response));
    }
    bool posted(std::size_t count) {
        return run_until(io, [&] { return bodies.size() >= count; });
    }
    bool idle(const SpanExporter& exporter, std::size_t left) {
        return run_until(io, [&] {
            return exporter.queue().size() == left &&
                   exporter.queue().next_export() != Instant::max();
        });
    }

    HttpServer server;
    TraceSettings settings;
    int status = 200;
    std::vector<RequestHead> heads;
    std::vector<std::string> texts;
    std::vector<json> bodies;
};

Span a_span(const char* name) {
    Span span;
    span.context = {{1, 2}, 3, true, false};
    span.name = name;
    return span;
}

TEST_CASE("span exporter: a full batch is posted at once, the rest after the delay",
          "[common][trace]") {
    Collector f;
    SpanExporter exporter(f.time, f.tasks, f.settings);
    for (const char* name : {"a", "b", "c", "d"})
        exporter.add(a_span(name));
    f.time.settle();
    REQUIRE(f.posted(1));
    CHECK(f.heads[0].method == "POST");
    CHECK(f.heads[0].target == "/v1/traces");
    CHECK(f.heads[0].fields.get("Content-Type") == "application/json");
    CHECK(f.heads[0].fields.get("X-Key") == "k");
    const json& group = f.bodies[0].at("resourceSpans").at(0);
    CHECK(group["resource"]["attributes"][0]["key"] == "service.name");
    CHECK(group["resource"]["attributes"][0]["value"]["stringValue"] == "test");
    const json& spans = group["scopeSpans"][0]["spans"];
    REQUIRE(spans.size() == 3);
    CHECK(spans[0]["name"] == "a");
    CHECK(spans[0]["traceId"] == "00000000000000010000000000000002");
    CHECK(spans[0]["spanId"] == "0000000000000003");
    REQUIRE(f.idle(exporter, 1));
    CHECK(exporter.queue().exported() == 3);
    f.time.advance(5s);
    REQUIRE(f.posted(2));
    REQUIRE(run_until(f.io, [&] { return exporter.queue().exported() == 4; }));
    exporter.close(Duration::zero());
}

TEST_CASE("span exporter: protobuf, unless JSON is wanted", "[common][trace]") {
    Collector f;
    f.settings.collector.protocol = OtlpProtocol::http_protobuf;
    SpanExporter exporter(f.time, f.tasks, f.settings);
    for (const char* name : {"a", "b", "c"})
        exporter.add(a_span(name));
    f.time.settle();
    REQUIRE(f.posted(1));
    CHECK(f.heads[0].fields.get("Content-Type") == "application/x-protobuf");
    const ProtoTree group = ProtoTree(f.texts[0]).message(1);
    CHECK(group.message(1).message(1).text(1) == "service.name");
    const ProtoTree scope = group.message(2);
    CHECK(scope.message(1).text(1) == "sluice");
    REQUIRE(scope.count(2) == 3);
    CHECK(scope.messages(2)[2].text(5) == "c");
    REQUIRE(run_until(f.io, [&] { return exporter.queue().exported() == 3; }));
    exporter.close(Duration::zero());
}

TEST_CASE("span exporter: a collector that says 503 gets the batch again, one that says 400 not",
          "[common][trace]") {
    Collector f;
    f.status = GENERATE(503, 429, 400, 404);
    const bool again = f.status == 503 || f.status == 429;
    SpanExporter exporter(f.time, f.tasks, f.settings);
    for (const char* name : {"a", "b", "c", "d"})
        exporter.add(a_span(name));
    f.time.settle();
    REQUIRE(f.posted(1));
    REQUIRE(f.idle(exporter, again ? 4 : 1));
    CHECK(exporter.queue().dropped_failed() == (again ? 0 : 3));
    f.status = 200;
    f.time.advance(1s);
    if (again) {
        REQUIRE(f.posted(2));
        CHECK(f.bodies[0] == f.bodies[1]);
        REQUIRE(run_until(f.io, [&] { return exporter.queue().exported() == 3; }));
    }
    exporter.close(Duration::zero());
    CHECK(exporter.queue().size() == 0);
}

TEST_CASE("span exporter: without a collector requests lose nothing but spans", "[common][trace]") {
    Collector f;
    f.server.close_now();  // its port refuses now
    SpanExporter exporter(f.time, f.tasks, f.settings);
    for (int i = 0; i < 20; ++i)
        exporter.add(a_span("x"));
    CHECK(exporter.queue().size() == 6);
    CHECK(exporter.queue().dropped_full() == 14);
    f.time.settle();
    REQUIRE(f.idle(exporter, 6));
    exporter.close(5s);  // who was away a moment ago is not waited for
    CHECK(f.tasks.size() == 0);
    CHECK(exporter.queue().dropped_failed() == 6);
}

TEST_CASE("span exporter: the end sends what is left, and is bounded", "[common][trace]") {
    Collector f;
    SpanExporter exporter(f.time, f.tasks, f.settings);
    SECTION("to a collector that takes it") {
        for (const char* name : {"a", "b"})
            exporter.add(a_span(name));
        exporter.close(5s);
        exporter.add(a_span("too late"));
        REQUIRE(f.posted(1));
        REQUIRE(run_until(f.io, [&] { return exporter.queue().exported() == 2; }));
        CHECK(f.bodies.size() == 1);
    }
    SECTION("to one that answers nothing") {
        boost::asio::ip::tcp::acceptor silent(f.io, {boost::asio::ip::address_v4::loopback(), 0});
        f.settings.collector.url.host.port = silent.local_endpoint().port();
        SpanExporter stuck(f.time, f.tasks, f.settings);
        stuck.add(a_span("a"));
        stuck.close(5s);
        f.time.settle();
        run_until(f.io, [&] { return f.time.armed() > 0; });
        CHECK(stuck.queue().size() == 1);
        f.time.advance(5s);
        REQUIRE(run_until(f.io, [&] { return stuck.queue().size() == 0; }));
        CHECK(stuck.queue().dropped_failed() == 1);
        exporter.close(Duration::zero());
    }
}

// --- What a request does with it.

struct Traced : Collector {
    explicit Traced(TraceSampler sampler) {
        settings.sampler = sampler;
        tracer.emplace(time, tasks, settings);
    }
    ~Traced() { tracer->close(Duration::zero()); }
    std::optional<Tracer> tracer;
};

constexpr const char* parent_sampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
constexpr const char* parent_unsampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

Fields with_parent(const char* parent) {
    Fields fields;
    fields.add("Traceparent", parent);
    fields.add("Tracestate", "a=1");
    return fields;
}

TEST_CASE("request trace: a recorded one goes on with a span of ours as its parent",
          "[common][trace]") {
    Traced f({1, true});
    RequestTrace trace;
    Fields fields = with_parent(parent_sampled);
    trace.begin(&*f.tracer, fields);
    REQUIRE(trace.is_recorded());
    CHECK(trace.parent() == 0xb7ad6b7169203331);
    CHECK(trace.trace_state() == "a=1");
    trace.send(fields, f.time.now(), "p1");
    const auto sent = parse_traceparent(fields.get("traceparent"));
    REQUIRE(sent);
    CHECK(to_hex(sent->trace) == "0af7651916cd43dd8448eb211c80319c");
    CHECK(sent->sampled);
    CHECK(sent->span == trace.sent()[0].span);
    CHECK(sent->span != trace.own().span);
    CHECK(fields.count("traceparent") == 1);
    CHECK(fields.get("tracestate") == "a=1");
    // On a new connection, as if it had not been sent: the same span. Elsewhere: another.
    trace.send(fields, f.time.now(), "p1");
    CHECK(trace.sent().size() == 1);
    trace.returned(f.time);
    const Instant returned = f.time.now();
    f.time.advance(1s);
    trace.returned(f.time);  // from a pod that could not be reached: nothing was sent there
    CHECK(trace.sent()[0].ended == returned);
    trace.send(fields, f.time.now(), "p2");
    REQUIRE(trace.sent().size() == 2);
    CHECK(parse_traceparent(fields.get("traceparent"))->span == trace.sent()[1].span);
}

TEST_CASE("request trace: who is not recorded goes on as it came", "[common][trace]") {
    Traced f({1, true});
    RequestTrace trace;
    Fields fields = with_parent(parent_unsampled);
    trace.begin(&*f.tracer, fields);
    CHECK_FALSE(trace.is_recorded());
    trace.send(fields, f.time.now(), "p");
    CHECK(fields.get("traceparent") == parent_unsampled);
    CHECK(fields.get("tracestate") == "a=1");
    RequestTrace off;
    off.begin(nullptr, fields);
    off.send(fields, f.time.now(), "p");
    off.returned(f.time);
    CHECK_FALSE(off.is_recorded());
    CHECK(fields.get("traceparent") == parent_unsampled);
}

TEST_CASE("request trace: a trace that begins here and is not recorded says so",
          "[common][trace]") {
    Traced f({0, true});
    RequestTrace trace;
    Fields fields;
    fields.add("traceparent", "00-rubbish");
    fields.add("tracestate", "left=over");
    trace.begin(&*f.tracer, fields);
    CHECK_FALSE(trace.is_recorded());
    trace.send(fields, f.time.now(), "p");
    const auto sent = parse_traceparent(fields.get("traceparent"));
    REQUIRE(sent);
    CHECK_FALSE(sent->sampled);
    CHECK_FALSE(fields.has("tracestate"));
}

TEST_CASE("request trace: a recording parent is told when we do not follow it", "[common][trace]") {
    Traced f({1e-18, false});
    RequestTrace trace;
    Fields fields = with_parent(parent_sampled);
    trace.begin(&*f.tracer, fields);
    trace.send(fields, f.time.now(), "p");
    const auto sent = parse_traceparent(fields.get("traceparent"));
    REQUIRE(sent);
    CHECK_FALSE(sent->sampled);
    CHECK(to_hex(sent->trace) == "0af7651916cd43dd8448eb211c80319c");
    CHECK(fields.get("tracestate") == "a=1");
}

Span a_full_span(const std::string& long_text) {
    Span span;
    span.context = {{0xa, 0xb}, 0xc, true, false};
    span.parent = 0xd;
    span.name = "G\"ET";
    span.kind = SpanKind::client;
    span.state = "a=\"1\"";
    span.began = 1'700'000'000'123'456'789;
    span.ended = span.began + 5;
    span.attributes = {{"text", long_text}, {"n", 7}, {"d", .5}, {"b", true}, {"\x66", "\xff"}};
    span.failed = true;
    return span;
}

TEST_CASE("span: protobuf whatever is in it, and bounded", "[common][trace]") {
    const std::string long_text(100'000, '\n');
    Span span = a_full_span(long_text);
    const std::string bytes = encode_span_protobuf(span);
    CHECK(bytes.size() < 1024);
    const ProtoTree tree(bytes);
    CHECK(tree.text(1) == std::string("\0\0\0\0\0\0\0\x0a\0\0\0\0\0\0\0\x0b", 16));
    CHECK(tree.text(2) == std::string("\0\0\0\0\0\0\0\x0c", 8));
    CHECK(tree.text(3) == "a=\"1\"");
    CHECK(tree.text(4) == std::string("\0\0\0\0\0\0\0\x0d", 8));
    CHECK(tree.text(5) == "G\"ET");
    CHECK(tree.number(6) == 3);
    CHECK(tree.number(7) == 1'700'000'000'123'456'789);
    CHECK(tree.number(8) == 1'700'000'000'123'456'794);
    const std::vector<ProtoTree> attributes = tree.messages(9);
    REQUIRE(attributes.size() == 5);
    CHECK(attributes[0].message(2).text(1).size() == otlp_text_bytes_max);
    CHECK(attributes[1].message(2).number(3) == 7);
    CHECK(attributes[2].message(2).real(4) == .5);
    CHECK(attributes[3].message(2).number(2) == 1);
    CHECK(attributes[4].message(2).text(1) == "\xEF\xBF\xBD");
    CHECK(tree.message(15).number(3) == 2);
    span.parent = 0;
    span.failed = false;
    const std::string root = encode_span_protobuf(span);
    CHECK_FALSE(ProtoTree(root).has(4));
    CHECK_FALSE(ProtoTree(root).has(15));
}

TEST_CASE("span: JSON whatever is in it, and bounded", "[common][trace]") {
    const std::string long_text(100'000, '\n');
    Span span = a_full_span(long_text);
    const std::string text = encode_span_json(span);
    CHECK(text.size() < 2048);
    const json parsed = json::parse(text);
    CHECK(parsed["parentSpanId"] == "000000000000000d");
    CHECK(parsed["name"] == "G\"ET");
    CHECK(parsed["kind"] == 3);
    CHECK(parsed["traceState"] == "a=\"1\"");
    CHECK(parsed["startTimeUnixNano"] == "1700000000123456789");
    CHECK(parsed["endTimeUnixNano"] == "1700000000123456794");
    CHECK(parsed["attributes"][1]["value"]["intValue"] == "7");
    CHECK(parsed["attributes"][2]["value"]["doubleValue"] == .5);
    CHECK(parsed["attributes"][3]["value"]["boolValue"] == true);
    CHECK(parsed["attributes"][4]["value"]["stringValue"] == "\xEF\xBF\xBD");
    CHECK(parsed["status"]["code"] == 2);
    span.parent = 0;
    span.failed = false;
    const json root = json::parse(encode_span_json(span));
    CHECK_FALSE(root.contains("parentSpanId"));
    CHECK_FALSE(root.contains("status"));
}

}  // namespace
}  // namespace common
