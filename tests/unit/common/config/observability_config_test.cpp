// Contract queue-proxy 1.3.
#include "common/config/observability_config.hpp"

#include <catch2/catch.hpp>

using namespace common;
using namespace std::chrono_literals;

TEST_CASE("observability: an empty text and {} are the defaults", "[common][config]") {
    for (const char* text : {"", "{}", "null", R"({"tracing":null})", R"({"other":[1]})"}) {
        CAPTURE(text);
        const auto parsed = parse_observability_config(text);
        REQUIRE(parsed.problems.empty());
        CHECK(parsed.config.tracing.protocol == TracingProtocol::unset);
        CHECK(parsed.config.request_metrics.protocol == MetricsProtocol::unset);
        CHECK_FALSE(parsed.config.profiling);
        CHECK_FALSE(parsed.config.request_log);
        CHECK(parsed.config.request_log_template == default_request_log_template);
    }
}

TEST_CASE("observability: every key is read, in any case", "[common][config]") {
    const auto parsed = parse_observability_config(R"({
        "tracing": {"protocol": "http/protobuf", "endpoint": "http://c:4318", "samplingRate": 0.5},
        "RequestMetrics": {"PROTOCOL": "prometheus", "endpoint": "0.0.0.0:9999",
                           "exportInterval": 5000000000},
        "metrics": {"protocol": 7},
        "runtime": {"profiling": "enabled", "exportInterval": 15000000000},
        "enableRequestLog": true, "requestLogTemplate": "", "enableProbeRequestLog": true})");
    REQUIRE(parsed.problems.empty());
    const ObservabilityConfig& config = parsed.config;
    CHECK(config.tracing.protocol == TracingProtocol::http_protobuf);
    CHECK(config.tracing.endpoint == "http://c:4318");
    CHECK(config.tracing.sampling_rate == 0.5);
    CHECK(config.request_metrics.protocol == MetricsProtocol::prometheus);
    CHECK(config.request_metrics.endpoint == "0.0.0.0:9999");
    CHECK(config.request_metrics.export_interval == 5s);
    CHECK(config.profiling);
    CHECK(config.request_log);
    CHECK(config.request_log_template.empty());
    CHECK(config.probe_request_log);
}

TEST_CASE("observability: wrong values are named with what would be right", "[common][config]") {
    const auto problem_of = [](const char* text) {
        const auto parsed = parse_observability_config(text);
        return parsed.problems.empty() ? std::string() : parsed.problems.front();
    };
    CHECK(problem_of("{") == "is not valid JSON");
    CHECK(problem_of("[]") == "is not a JSON object");
    CHECK(problem_of(R"({"tracing":[]})") == "tracing is not a JSON object");
    CHECK(problem_of(R"({"tracing":{"protocol":""}})") ==
          "tracing.protocol: '' is not one of none, grpc, http/protobuf, stdout");
    CHECK(problem_of(R"({"requestMetrics":{"protocol":"otlp"}})") ==
          "requestMetrics.protocol: 'otlp' is not one of none, prometheus, grpc, http/protobuf");
    CHECK(problem_of(R"({"requestMetrics":{"exportInterval":"60s"}})") ==
          "requestMetrics.exportInterval: is not an integer number of nanoseconds");
    CHECK(problem_of(R"({"runtime":{"profiling":"on"}})") ==
          "runtime.profiling: 'on' is not one of enabled, disabled");
    CHECK(problem_of(R"({"enableRequestLog":"true"})") == "enableRequestLog: is not true or false");
    CHECK(parse_observability_config(
              R"({"enableRequestLog":1,"tracing":{"samplingRate":"x","endpoint":2}})")
              .problems.size() == 3);
}
