// Pushes in their intervals, to a collector that takes them, refuses them, or is not there; and
// what the end of the program waits for.
#include "common/otlp/metric_exporter.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <catch2/catch.hpp>

#include "common/http/http_server.hpp"
#include "common/http/simple_response.hpp"
#include "tests/support/proto_tree.hpp"
#include "tests/support/shell_fixture.hpp"

namespace common {
namespace {

using namespace std::chrono_literals;

// An HTTP server on loopback, of both versions, that keeps what was posted.
struct Collector : ShellFixture {
    Collector()
        : server(tasks, time, hangups, limits(),
                 [this](Exchange& exchange) { return take(exchange, *this); }) {
        REQUIRE(server.open({"127.0.0.1", 0, {}}).empty());
        server.start();
        time.settle();
        idle = tasks.size();
        settings.is_on = true;
        settings.collector.url = {false, {"127.0.0.1", server.local_address().port}, "/v1/metrics"};
        settings.collector.headers = {{"x-key", "k"}};
        settings.resource = {{"service.name", "test"}};
        settings.interval = 60s;
    }
    ~Collector() {
        server.close_now();
        run_until(io, [this] { return tasks.size() == 0; });
    }

    static ServerLimits limits() {
        ServerLimits limits;
        limits.http2 = true;
        return limits;
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
        self.bodies.push_back(std::move(body));
        SimpleResponse response;
        response.status = self.status;
        if (!self.grpc_status.empty()) response.fields.add("grpc-status", self.grpc_status);
        if (!self.retry_after.empty()) response.fields.add("Retry-After", self.retry_after);
        co_await respond(exchange, std::move(response));
    }
    std::unique_ptr<MetricExporter> start() {
        return std::make_unique<MetricExporter>(time, tasks, settings, [this] {
            MetricFamilyText family = otel_family({"n", "", {}, false}, MetricType::counter, "N");
            family.samples.push_back({{}, static_cast<double>(++collected), nullptr});
            return std::vector<MetricFamilyText>{std::move(family)};
        });
    }
    // The count-th push has come, and the exporter knows how it ended.
    bool pushed(std::size_t count) {
        return run_until(io, [&] { return bodies.size() >= count && tasks.size() == idle; });
    }
    // The number in the message.
    std::uint64_t number(std::size_t push, std::size_t frame = 0) {
        const ProtoTree group(std::string_view(bodies.at(push)).substr(frame));
        return group.message(1).message(2).message(2).message(7).message(1).number(6);
    }

    HttpServer server;
    std::size_t idle = 0;  // tasks without a push
    MetricSettings settings;
    int status = 200;
    std::string grpc_status;
    std::string retry_after;
    int collected = 0;
    std::vector<RequestHead> heads;
    std::vector<std::string> bodies;
};

}  // namespace

TEST_CASE("metric exporter: all numbers, once in each interval, and at the end", "[common][otlp]") {
    Collector f;
    const auto exporter = f.start();
    f.time.advance(59s);
    f.time.settle();
    CHECK(f.collected == 0);
    f.time.advance(1s);
    REQUIRE(f.pushed(1));
    CHECK(f.heads[0].method == "POST");
    CHECK(f.heads[0].target == "/v1/metrics");
    CHECK(f.heads[0].fields.get("Content-Type") == "application/x-protobuf");
    CHECK(f.heads[0].fields.get("X-Key") == "k");
    f.time.advance(60s);
    REQUIRE(f.pushed(2));
    f.time.advance(1s);
    exporter->close(5s);
    exporter->close(5s);
    REQUIRE(f.pushed(3));
    CHECK(f.number(0) == 1);
    CHECK(f.number(1) == 2);
    CHECK(f.number(2) == 3);
    const ProtoTree sum =
        ProtoTree(f.bodies[1]).message(1).message(2).message(2).message(7).message(1);
    CHECK(sum.number(3) - sum.number(2) == std::uint64_t{120'000'000'000});
}

TEST_CASE("metric exporter: gRPC, in its frame", "[common][otlp]") {
    Collector f;
    f.settings.collector.protocol = OtlpProtocol::grpc;
    f.settings.collector.url.path = "/x.MetricsService/Export";
    f.grpc_status = "0";
    const auto exporter = f.start();
    f.time.advance(60s);
    REQUIRE(f.pushed(1));
    CHECK(f.heads[0].version == 20);
    CHECK(f.heads[0].target == "/x.MetricsService/Export");
    CHECK(f.heads[0].fields.get("Content-Type") == "application/grpc");
    CHECK(f.heads[0].fields.get("TE") == "trailers");
    CHECK(f.number(0, 5) == 1);
    exporter->close(Duration::zero());
}

TEST_CASE(
    "metric exporter: what may pass is tried again soon, what is refused in the next interval",
    "[common][otlp]") {
    Collector f;
    f.status = GENERATE(503, 400);
    const auto exporter = f.start();
    f.time.advance(60s);
    REQUIRE(f.pushed(1));
    f.time.advance(1s);
    if (f.status == 503) {
        REQUIRE(f.pushed(2));  // with the numbers of now
        CHECK(f.number(1) == 2);
    } else {
        f.time.settle();
        CHECK(f.collected == 1);
        f.time.advance(59s);
        REQUIRE(f.pushed(2));
    }
    exporter->close(5s);  // who was away a moment ago is not waited for
    CHECK(run_until(f.io, [&] { return f.tasks.size() == f.idle; }));
    CHECK(f.bodies.size() == 2);
}

TEST_CASE("metric exporter: a collector says how long it wants to be left alone",
          "[common][otlp]") {
    Collector f;
    f.settings.interval = 2s;
    f.status = 429;
    f.retry_after = "30";
    const auto exporter = f.start();
    f.time.advance(2s);
    REQUIRE(f.pushed(1));
    f.time.advance(29s);
    f.time.settle();
    CHECK(f.collected == 1);
    f.status = 200;
    f.time.advance(1s);
    REQUIRE(f.pushed(2));
    exporter->close(Duration::zero());
}

TEST_CASE("metric exporter: one that answers nothing bounds neither the next push nor the end",
          "[common][otlp]") {
    Collector f;
    boost::asio::ip::tcp::acceptor silent(f.io, {boost::asio::ip::address_v4::loopback(), 0});
    f.settings.collector.url.host.port = silent.local_endpoint().port();
    const auto exporter = f.start();
    f.time.advance(59s);
    exporter->close(5s);
    CHECK(f.collected == 1);
    f.time.settle();
    REQUIRE(run_until(f.io, [&] { return f.time.armed() > 0; }));
    CHECK(f.tasks.size() == f.idle + 1);
    f.time.advance(5s);
    REQUIRE(run_until(f.io, [&] { return f.tasks.size() == f.idle; }));
}

TEST_CASE("metric exporter: the end has the numbers of the end, even behind a push under way",
          "[common][otlp]") {
    Collector f;
    const auto exporter = f.start();
    f.time.advance(60s);  // the push begins
    exporter->close(5s);
    CHECK(f.collected == 2);
    REQUIRE(f.pushed(2));
    CHECK(f.number(0) == 1);
    CHECK(f.number(1) == 2);
}

}  // namespace common
