// OpenTelemetry's variables and Knative's configuration: what counts, and what is warned of.
#include "common/trace/trace_settings.hpp"

#include <catch2/catch.hpp>

namespace common {
namespace {

using To = TraceSettings::To;
using Tracing = ObservabilityConfig::Tracing;

TraceChoice read(MapEnv::Map variables, const Tracing& tracing = {}) {
    return read_trace_settings(MapEnv(std::move(variables)), tracing,
                               {{"service.name", "us"}, {"a", "1"}});
}

Tracing knative(TracingProtocol protocol, std::string endpoint = {}, double rate = 1) {
    return {protocol, std::move(endpoint), rate};
}

TEST_CASE("trace settings: nothing said, nothing traced", "[common][trace]") {
    CHECK_FALSE(read({}).settings.is_on());
    CHECK_FALSE(read({{"OTEL_EXPORTER_OTLP_ENDPOINT", ""}}).settings.is_on());
    CHECK_FALSE(read({{"OTEL_SERVICE_NAME", "x"}}).settings.is_on());
}

TEST_CASE("trace settings: endpoints", "[common][trace]") {
    struct Row {
        MapEnv::Map variables;
        Tracing tracing;
        std::string host, path;
        std::uint16_t port;
        bool tls;
    };
    const std::string base = "OTEL_EXPORTER_OTLP_ENDPOINT";
    const std::string whole = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
    const auto http = TracingProtocol::http_protobuf;
    const std::vector<Row> table = {
        {{{base, "http://c:4318"}}, {}, "c", "/v1/traces", 4318, false},
        {{{base, "https://c/otlp/"}}, {}, "c", "/otlp/v1/traces", 443, true},
        {{{base, "http://c:4318"}, {whole, "http://t/x?y"}}, {}, "t", "/x?y", 80, false},
        {{{whole, "http://[::1]:9"}}, {}, "::1", "/", 9, false},
        {{}, knative(http, "http://k:1"), "k", "/v1/traces", 1, false},
        {{}, knative(http, "http://k:1/p"), "k", "/p", 1, false},
        {{}, knative(http), "localhost", "/v1/traces", 4318, false},
        {{{base, "http://c:4318"}}, knative(http, "http://k:1"), "c", "/v1/traces", 4318, false},
    };
    for (const Row& row : table) {
        const TraceChoice choice = read(row.variables, row.tracing);
        CAPTURE(row.host, row.path);
        CHECK(choice.warnings.empty());
        CHECK(choice.settings.is_on());
        CHECK(choice.settings.to == To::collector);
        CHECK(choice.settings.collector.url.host == HostPort{row.host, row.port});
        CHECK(choice.settings.collector.url.path == row.path);
        CHECK(choice.settings.collector.url.tls == row.tls);
    }
    for (const char* bad :
         {"c:4318", "grpc://c", "http://", "http://u:p@c", "http://c:x", "http://c d"}) {
        const TraceChoice choice = read({{base, bad}});
        CAPTURE(bad);
        CHECK_FALSE(choice.settings.is_on());
        REQUIRE(choice.warnings.size() == 1);
        CHECK(choice.warnings[0].starts_with(base + ": '"));
    }
}

TEST_CASE("trace settings: Knative's protocol decides, where it says something",
          "[common][trace]") {
    const MapEnv::Map endpoint = {{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://c"}};
    CHECK_FALSE(read(endpoint, knative(TracingProtocol::none)).settings.is_on());
    CHECK(read(endpoint, knative(TracingProtocol::unset)).settings.is_on());
    CHECK(read({}, knative(TracingProtocol::standard_output, "", 0)).settings.is_on());
    const TraceChoice grpc = read({}, knative(TracingProtocol::grpc, "c.ns:4317"));
    CHECK(grpc.settings.is_on());
    CHECK(grpc.warnings.empty());
    CHECK(grpc.settings.collector.protocol == OtlpProtocol::grpc);
    CHECK(grpc.settings.collector.url.tls);  // as stock: HOST:PORT alone means TLS
    CHECK(grpc.settings.collector.url.host == HostPort{"c.ns", 4317});
    CHECK(grpc.settings.collector.url.path ==
          "/opentelemetry.proto.collector.trace.v1.TraceService/Export");
    // What Knative says counts more than a variable that stock does not read.
    const auto chosen =
        read({{"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"}}, knative(TracingProtocol::http_protobuf));
    CHECK(chosen.settings.collector.protocol == OtlpProtocol::http_protobuf);
    CHECK_FALSE(read(endpoint, knative(TracingProtocol::http_protobuf, "", 0)).settings.is_on());
}

TEST_CASE("trace settings: switched off, or to another exporter", "[common][trace]") {
    const std::string base = "OTEL_EXPORTER_OTLP_ENDPOINT";
    const auto with = [&](std::string name, std::string value) {
        return read({{base, "http://c"}, {std::move(name), std::move(value)}});
    };
    CHECK_FALSE(with("OTEL_SDK_DISABLED", "True").settings.is_on());
    CHECK(with("OTEL_SDK_DISABLED", "1").settings.is_on());
    CHECK_FALSE(with("OTEL_TRACES_EXPORTER", "none").settings.is_on());
    CHECK(with("OTEL_TRACES_EXPORTER", "console").settings.to == To::standard_output);
    CHECK(with("OTEL_TRACES_EXPORTER", "zipkin").warnings.size() == 1);
    CHECK(read({{"OTEL_TRACES_EXPORTER", "otlp"}}).settings.collector.url.host.port == 4318);
    const std::string protocol = "OTEL_EXPORTER_OTLP_PROTOCOL";
    const auto protocol_of = [&](const char* word) {
        return with(protocol, word).settings.collector.protocol;
    };
    CHECK(protocol_of("") == OtlpProtocol::http_protobuf);
    CHECK(protocol_of("http/json") == OtlpProtocol::http_json);
    CHECK(protocol_of("grpc") == OtlpProtocol::grpc);
    CHECK(protocol_of("kafka") == OtlpProtocol::http_protobuf);
    CHECK(with(protocol, "kafka").warnings ==
          std::vector{protocol + ": 'kafka' is not grpc, http/protobuf or http/json: "
                                 "http/protobuf is used"});
    CHECK(read({{"OTEL_TRACES_EXPORTER", "otlp"}, {protocol, "grpc"}})
              .settings.collector.url.host.port == 4317);
    CHECK(with("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip").warnings.size() == 1);
}

TEST_CASE("trace settings: samplers", "[common][trace]") {
    struct Row {
        std::string name, argument;
        double ratio;
        bool parent_based;
        std::size_t warnings;
    };
    const std::vector<Row> table = {{"", "", 1, true, 0},
                                    {"always_on", "", 1, false, 0},
                                    {"always_off", "", 0, false, 0},
                                    {"traceidratio", "0.25", .25, false, 0},
                                    {"parentbased_always_on", "", 1, true, 0},
                                    {"parentbased_always_off", "", 0, true, 0},
                                    {"parentbased_traceidratio", "0", 0, true, 0},
                                    {"traceidratio", "", 1, false, 0},
                                    {"traceidratio", "2", 1, false, 1},
                                    {"traceidratio", "x", 1, false, 1},
                                    {"jaeger_remote", "", 1, true, 1}};
    for (const Row& row : table) {
        CAPTURE(row.name, row.argument);
        const TraceChoice choice = read({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://c"},
                                         {"OTEL_TRACES_SAMPLER", row.name},
                                         {"OTEL_TRACES_SAMPLER_ARG", row.argument}});
        CHECK(choice.settings.sampler.ratio == row.ratio);
        CHECK(choice.settings.sampler.parent_based == row.parent_based);
        CHECK(choice.warnings.size() == row.warnings);
    }
    // Contract queue-proxy 8.2.
    const auto http = TracingProtocol::http_protobuf;
    CHECK(read({}, knative(http, "", .5)).settings.sampler.parent_based);
    CHECK(read({}, knative(http, "", .5)).settings.sampler.ratio == .5);
    CHECK_FALSE(read({}, knative(http, "", 1)).settings.sampler.parent_based);
    const TraceChoice over = read({{"OTEL_TRACES_SAMPLER", "always_on"}}, knative(http, "", 0));
    CHECK(over.settings.is_on());
}

TEST_CASE("trace settings: headers and resource; a header's value is never told",
          "[common][trace]") {
    const TraceChoice choice =
        read({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://c"},
              {"OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Bearer%20s3cret , x=1,, y = %zz,no"},
              {"OTEL_RESOURCE_ATTRIBUTES", "service.name=attr,deployment=test%2Cx"},
              {"OTEL_SERVICE_NAME", "named"}});
    const OtlpAttributes headers = {{"Authorization", "Bearer s3cret"}, {"x", "1"}};
    CHECK(choice.settings.collector.headers == headers);
    const OtlpAttributes resource = {
        {"service.name", "named"}, {"a", "1"}, {"deployment", "test,x"}};
    CHECK(choice.settings.resource == resource);
    CHECK(choice.warnings.size() == 2);
    for (const std::string& warning : choice.warnings) {
        CHECK(warning.find("s3cret") == std::string::npos);
        CHECK(warning.find("zz") == std::string::npos);
    }
    const TraceChoice broken = read({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://c"},
                                     {"OTEL_EXPORTER_OTLP_TRACES_HEADERS", "a=b%0d%0aX: y,a b=c"}});
    CHECK(broken.settings.collector.headers.empty());
    CHECK(broken.warnings.size() == 2);
}

TEST_CASE("trace settings: bounds of the queue", "[common][trace]") {
    const TraceChoice choice = read({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://c"},
                                     {"OTEL_BSP_MAX_QUEUE_SIZE", "100"},
                                     {"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "500"},
                                     {"OTEL_BSP_SCHEDULE_DELAY", "250"},
                                     {"OTEL_EXPORTER_OTLP_TIMEOUT", "never"}});
    CHECK(choice.settings.queue.spans_max == 100);
    CHECK(choice.settings.queue.batch_max == 100);
    CHECK(choice.settings.queue.delay == std::chrono::milliseconds(250));
    CHECK(choice.settings.collector.timeout == std::chrono::seconds(10));
    REQUIRE(choice.warnings.size() == 1);
    CHECK(choice.warnings[0] ==
          "OTEL_EXPORTER_OTLP_TIMEOUT: 'never' is not an integer from 1 to 10000: 10000 is used");
}

}  // namespace
}  // namespace common
