// Our own family on the metrics port; the contract's families are in observability_test.py.
#include "proxy/metrics.hpp"

#include <catch2/catch.hpp>

#include "tests/support/metrics_text.hpp"
#include "tests/support/shell_fixture.hpp"

using namespace std::chrono_literals;

namespace proxy {
namespace {

struct Fixture : common::ShellFixture {
    Config config;
    Gate gate{time, AdmissionLimits::of_container_concurrency(2)};
    ColdStart cold_start{time.now()};
    common::LoopLag lag{time, 1s};
    Metrics metrics{config, gate, cold_start, lag};
};

bool has(const std::string& text, const std::string& line) {
    return text.find(line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("metrics: the queue-proxy shows what the table lists for it", "[proxy]") {
    Fixture f;
    CHECK(common::differences(f.metrics.text(), common::of_queue_proxy, {}) == "");
}

TEST_CASE("metrics: a request, a refusal and departed clients are counted by kind", "[proxy]") {
    Fixture f;
    common::RequestHead head;
    head.method = "GET";
    RequestRecord record;
    record.executed = true;
    record.status = 200;
    record.arrived = f.time.now();
    record.executing = record.arrived + 3s;
    record.ended = record.arrived + 10s;
    f.metrics.add(head, record);
    record.client_gone = true;
    record.status = 0;
    f.metrics.add(head, record);
    record.executed = false;
    f.metrics.add(head, record);
    record.client_gone = false;
    record.status = 503;
    f.metrics.add(head, record);
    const std::string text = f.metrics.text();
    CHECK(has(text, "sluice_requests_total{code_class=\"2xx\"} 1"));
    CHECK(has(text, "sluice_requests_total{code_class=\"none\"} 2"));
    CHECK(has(text, "sluice_abandoned_total{stage=\"running\"} 1"));
    CHECK(has(text, "sluice_abandoned_total{stage=\"waiting\"} 1"));
    CHECK(has(text, "sluice_refused_total{reason=\"queue_full\"} 1"));
    CHECK(has(text, "sluice_wait_seconds_sum 6"));
    CHECK(has(text, "sluice_run_seconds_sum 14"));
    CHECK(has(text, "sluice_slots{state=\"free\"} 2"));
}

TEST_CASE("metrics: the cold start has its phases, each of them once", "[proxy]") {
    Fixture f;
    f.time.advance(5s);
    f.cold_start.saw_port_open(f.time.now());
    f.time.advance(7s);
    f.cold_start.saw_ready(f.time.now());
    f.cold_start.saw_port_open(f.time.now());
    f.time.advance(1s);
    f.cold_start.saw_first_byte(f.time.now());
    const std::string text = f.metrics.text();
    CHECK(has(text, "sluice_cold_start_seconds_sum{phase=\"app_port_open\"} 5"));
    CHECK(has(text, "sluice_cold_start_seconds_sum{phase=\"ready\"} 12"));
    CHECK(has(text, "sluice_cold_start_seconds_sum{phase=\"first_byte\"} 13"));
    CHECK(has(text, "sluice_cold_start_seconds_count{phase=\"app_port_open\"} 1"));
}

TEST_CASE("metrics: two hundred series of a family are told apart by what clients say, no more",
          "[proxy]") {
    Fixture f;
    RequestRecord record;
    record.status = 200;
    const auto ask = [&](int number) {
        common::RequestHead head;
        head.method = "GET";
        head.fields.add("Host", "h" + std::to_string(number));
        f.metrics.add(head, record);
    };
    const auto series = [&f] {
        const std::string text = f.metrics.text();
        const std::string name = "\nhttp_server_request_duration_seconds_count{";
        std::size_t n = 0;
        for (std::size_t at = 0; (at = text.find(name, at)) != text.npos; at += name.size())
            ++n;
        return n;
    };
    const std::string other = "server_address=\"_other\"";
    for (int i = 0; i < 200; ++i)
        ask(i);
    CHECK(series() == 200);
    CHECK(f.metrics.text().find(other) == std::string::npos);
    ask(200);
    CHECK(series() == 201);
    CHECK(f.metrics.text().find(other) != std::string::npos);
    for (int i = 201; i < 1000; ++i)
        ask(i);
    CHECK(series() == 201);
    ask(0);  // those that are known stay
    CHECK(series() == 201);
}

}  // namespace proxy
