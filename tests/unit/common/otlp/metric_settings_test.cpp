// Whether metrics are pushed, and how: Knative's configuration under OpenTelemetry's variables.
#include "common/otlp/metric_settings.hpp"

#include <catch2/catch.hpp>

namespace common {
namespace {

using namespace std::chrono_literals;
using Configured = ObservabilityConfig::RequestMetrics;

const std::string base = "OTEL_EXPORTER_OTLP_ENDPOINT";
const std::string own = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT";
constexpr auto http = MetricsProtocol::http_protobuf;
constexpr auto grpc = MetricsProtocol::grpc;

MetricChoice read(MapEnv::Map variables, const Configured& configured = {}) {
    return read_metric_settings(MapEnv(std::move(variables)), configured,
                                {{"service.name", "us"}, {"service.instance.id", "p-1"}});
}

}  // namespace

TEST_CASE("metric settings: who switches the push on", "[common][otlp]") {
    CHECK_FALSE(read({}).settings.is_on);
    CHECK_FALSE(read({{base, "http://c"}}).settings.is_on);  // that one is there for traces
    CHECK(read({{own, "http://c"}}).settings.is_on);
    CHECK(read({{"OTEL_METRICS_EXPORTER", "otlp"}}).settings.is_on);
    CHECK(read({}, {http, "http://c", {}}).settings.is_on);
    CHECK(read({}, {grpc, "http://c:4317", {}}).settings.is_on);
    // As stock: a variable does not switch on what Knative says is none, or scraped.
    for (const MetricsProtocol protocol : {MetricsProtocol::none, MetricsProtocol::prometheus})
        CHECK_FALSE(read({{own, "http://c"}}, {protocol, {}, {}}).settings.is_on);
    for (const char* off : {"OTEL_SDK_DISABLED", "OTEL_METRICS_EXPORTER"}) {
        const std::string word = off[5] == 'S' ? "true" : "none";
        CHECK_FALSE(read({{off, word}}, {http, "http://c", {}}).settings.is_on);
    }
    CHECK(read({{"OTEL_METRICS_EXPORTER", "console"}}).warnings.size() == 1);
}

TEST_CASE("metric settings: where to", "[common][otlp]") {
    const std::string method = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
    struct Row {
        MapEnv::Map variables;
        Configured configured;
        std::string host, path;
        std::uint16_t port;
        bool tls;
    };
    const std::vector<Row> table = {
        {{{own, "http://m:1/as/it/is"}, {base, "http://c"}}, {}, "m", "/as/it/is", 1, false},
        {{{own, "http://m:1"}}, {}, "m", "/", 1, false},
        {{{base, "https://c/x/"}}, {http, "http://k", {}}, "c", "/x/v1/metrics", 443, true},
        {{}, {http, "http://k:4318", {}}, "k", "/v1/metrics", 4318, false},
        {{}, {http, "http://k:4318/p", {}}, "k", "/p", 4318, false},
        {{}, {http, "k:4318", {}}, "k", "/v1/metrics", 4318, true},
        {{}, {grpc, "http://k:4317/p", {}}, "k", method, 4317, false},
        {{}, {grpc, "k:4317", {}}, "k", method, 4317, true},
        {{{base, "http://c:9"}}, {grpc, {}, {}}, "c", method, 9, false},
        {{{"OTEL_METRICS_EXPORTER", "otlp"}}, {}, "localhost", "/v1/metrics", 4318, false},
        {{{"OTEL_METRICS_EXPORTER", "otlp"}, {"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"}},
         {},
         "localhost",
         method,
         4317,
         false},
    };
    for (const Row& row : table) {
        const MetricChoice choice = read(row.variables, row.configured);
        const HttpUrl& url = choice.settings.collector.url;
        CAPTURE(row.host, row.path, row.port);
        CHECK(choice.warnings.empty());
        CHECK(choice.settings.is_on);
        CHECK(url.host == HostPort{row.host, row.port});
        CHECK(url.path == row.path);
        CHECK(url.tls == row.tls);
    }
}

TEST_CASE("metric settings: what is wrong is named, with what would be right", "[common][otlp]") {
    const MetricChoice nowhere = read({}, {http, {}, {}});
    CHECK_FALSE(nowhere.settings.is_on);
    CHECK(nowhere.warnings ==
          std::vector<std::string>{
              "metrics endpoint: is needed with http/protobuf: http(s)://HOST[:PORT][/PATH]"});
    CHECK(read({}, {http, "http://", {}}).warnings ==
          std::vector<std::string>{"metrics endpoint: 'http://' is not "
                                   "http(s)://HOST[:PORT][/PATH], so nothing is exported"});
    const MetricChoice forms =
        read({{own, "http://c"},
              {"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta"},
              {"OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "base2"},
              {"OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/json"},
              {"OTEL_METRIC_EXPORT_INTERVAL", "0"}});
    CHECK(forms.settings.is_on);
    CHECK(forms.warnings.size() == 4);
    CHECK(forms.settings.collector.protocol == OtlpProtocol::http_protobuf);
    CHECK(forms.settings.interval == 60s);
}

TEST_CASE("metric settings: the interval, the environment's before Knative's", "[common][otlp]") {
    const std::string name = "OTEL_METRIC_EXPORT_INTERVAL";
    CHECK(read({{own, "http://c"}}).settings.interval == 60s);
    CHECK(read({{own, "http://c"}, {name, "250"}}).settings.interval == 250ms);
    CHECK(read({}, {http, "http://c", 5s}).settings.interval == 5s);
    CHECK(read({}, {http, "http://c", 1ns}).settings.interval == 1ms);
    CHECK(read({}, {http, "http://c", -5s}).settings.interval == 60s);
    CHECK(read({{name, "250"}}, {http, "http://c", 5s}).settings.interval == 250ms);
}

TEST_CASE("metric settings: one process, one instance", "[common][otlp]") {
    const auto id_of = [](const OtlpAttributes& resource) {
        for (const auto& [name, value] : resource) {
            if (name == "service.instance.id") return value;
        }
        return std::string();
    };
    const MetricChoice named = read({{own, "http://c"}, {"OTEL_SERVICE_NAME", "other"}});
    CHECK(named.settings.resource ==
          OtlpAttributes{{"service.name", "other"}, {"service.instance.id", "p-1"}});
    const OtlpAttributes unnamed = {{"service.name", "us"}};
    const MapEnv env({{own, "http://c"}});
    const std::string one = id_of(read_metric_settings(env, {}, unnamed).settings.resource);
    const std::string two = id_of(read_metric_settings(env, {}, unnamed).settings.resource);
    CHECK(one.size() == 16);
    CHECK(one != two);
}

}  // namespace common
