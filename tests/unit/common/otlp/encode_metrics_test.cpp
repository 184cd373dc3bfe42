// What is pushed: the numbers of a scrape, in the names and the bytes of OpenTelemetry.
#include "common/otlp/encode_metrics.hpp"

#include <bit>

#include <catch2/catch.hpp>

#include "common/metrics/catalogue.hpp"
#include "common/metrics/metrics_page.hpp"
#include "tests/support/proto_tree.hpp"

namespace common {
namespace {

constexpr MetricTimes times{1'000, 2'000};
constexpr std::string_view http_scope = "scope/http";

std::vector<MetricFamilyText> one(OtelInstrument instrument, MetricType type, MetricSample sample) {
    MetricFamilyText family = otel_family(std::move(instrument), type, "What");
    family.samples.push_back(std::move(sample));
    return {family};
}

ProtoTree only_metric(const std::vector<MetricFamilyText>& families) {
    static std::string bytes;  // what the tree looks into
    bytes = encode_metrics({}, families, times);
    return ProtoTree(bytes).message(1).message(2).message(2);
}

}  // namespace

TEST_CASE("otlp metrics: a gauge, byte for byte", "[common][otlp]") {
    const std::vector<MetricFamilyText> families =
        one({"a.b", "{request}", "s", false}, MetricType::gauge, {{{"k", "v"}}, 5, nullptr});
    const std::string bytes = encode_metrics({{"service.name", "x"}}, families, {1, 2});
    // Written by hand from opentelemetry-proto's numbers: tag, length, what is inside.
    std::string point = "\x19" + std::string("\x02\0\0\0\0\0\0\0", 8);  // 3 time, fixed64
    point += "\x31" + std::string("\x05\0\0\0\0\0\0\0", 8);             // 6 as_int, sfixed64
    point += "\x3a\x08\x0a\x01k\x12\x03\x0a\x01v";                      // 7 attributes
    const std::string gauge = "\x0a\x1c" + point;                       // 1 data_points
    std::string metric =
        "\x0a\x03"
        "a.b"
        "\x12\x04What"
        "\x1a\x09{request}";       // 1, 2, 3
    metric += "\x2a\x1e" + gauge;  // 5 gauge
    const std::string group =
        "\x0a\x03\x0a\x01s"
        "\x12\x36" +
        metric;  // 1 scope, 2 metrics
    const std::string resource = "\x0a\x13\x0a\x0cservice.name\x12\x03\x0a\x01x";
    const std::string all = "\x0a\x15" + resource + "\x12\x3d" + group;  // 1 resource, 2 groups
    CHECK(bytes == "\x0a\x56" + all);                                    // 1 resource_metrics
}

TEST_CASE("otlp metrics: sums are cumulative since the beginning", "[common][otlp]") {
    const MetricType type = GENERATE(MetricType::counter, MetricType::up_down);
    const ProtoTree sum = only_metric(one({"n", "s", {}}, type, {{}, 2.5, nullptr})).message(7);
    CHECK(sum.number(2) == 2);
    CHECK((sum.has(3) && sum.number(3) == 1) == (type == MetricType::counter));
    CHECK(sum.message(1).number(2) == 1'000);
    CHECK(sum.message(1).number(3) == 2'000);
    CHECK(sum.message(1).real(4) == 2.5);
    CHECK_FALSE(sum.message(1).has(6));
}

TEST_CASE("otlp metrics: a histogram has the buckets of a scrape", "[common][otlp]") {
    static constexpr double bounds[] = {.5, 10};
    Histogram histogram(bounds);
    for (const double value : {.5, 3.0, 4.0, 11.0})
        histogram.observe(value);
    const ProtoTree metric =
        only_metric(one({"h", "s", http_scope}, MetricType::histogram, {{}, 0, &histogram}));
    CHECK(metric.text(1) == "h");
    CHECK(metric.text(3) == "s");
    CHECK(metric.message(9).number(2) == 2);
    const ProtoTree point = metric.message(9).message(1);
    CHECK(point.number(2) == 1'000);
    CHECK(point.number(4) == 4);
    CHECK(point.real(5) == 18.5);
    CHECK(point.packed(6) == std::vector<std::uint64_t>{1, 2, 1});
    CHECK(point.packed(7) == std::vector<std::uint64_t>{std::bit_cast<std::uint64_t>(.5),
                                                        std::bit_cast<std::uint64_t>(10.0)});
}

TEST_CASE("otlp metrics: a status and a port are integers, and no text breaks the message",
          "[common][otlp]") {
    MetricSample sample;
    sample.labels = {{"http.response.status_code", "503"},
                     {"server.port", "_other"},
                     {"server.address", "h\xff" + std::string(1000, 'x')},
                     {"network.protocol.version", "2"}};
    const ProtoTree gauge = only_metric(one({"g", "", {}}, MetricType::gauge, sample)).message(5);
    const std::vector<ProtoTree> attributes = gauge.message(1).messages(7);
    REQUIRE(attributes.size() == 4);
    CHECK(attributes[0].text(1) == "http.response.status_code");
    CHECK(attributes[0].message(2).number(3) == 503);
    CHECK(attributes[1].message(2).text(1) == "_other");
    CHECK(attributes[2].message(2).text(1) ==
          "h\xEF\xBF\xBD" + std::string(otlp_text_bytes_max - 4, 'x'));
    CHECK(attributes[3].message(2).text(1) == "2");
}

TEST_CASE("otlp metrics: each scope once, and only what OpenTelemetry has a name for",
          "[common][otlp]") {
    std::vector<MetricFamilyText> families;
    for (const std::string_view scope : {std::string_view(), http_scope, std::string_view()})
        families.push_back(one({"n", "", scope}, MetricType::gauge, {{}, 1, nullptr})[0]);
    families.push_back({"target_info", "", MetricType::gauge, {{{}, 1, nullptr}}});
    families.push_back(otel_family({"nobody", "", ""}, MetricType::gauge, "Without a sample"));
    const std::string bytes = encode_metrics({}, families, times);
    const std::vector<ProtoTree> groups = ProtoTree(bytes).message(1).messages(2);
    REQUIRE(groups.size() == 2);
    CHECK(groups[0].message(1).text(1) == "sluice");
    CHECK(groups[0].message(1).text(2) == SLUICE_VERSION);
    CHECK(groups[0].count(2) == 2);
    CHECK(groups[1].message(1).text(1) == http_scope);
    CHECK_FALSE(groups[1].message(1).has(2));
    CHECK(groups[1].count(2) == 1);
}

TEST_CASE("otlp metrics: stock's names lead to Prometheus's, and ours there and back",
          "[common][otlp]") {
    CHECK(prometheus_name({"http.server.request.duration", "s", {}}, MetricType::histogram) ==
          "http_server_request_duration_seconds");
    CHECK(prometheus_name({"http.client.request.body.size", "By", {}}, MetricType::histogram) ==
          "http_client_request_body_size_bytes");
    CHECK(prometheus_name({"kn.activator.stats.conn.errors", "{error}", {}}, MetricType::counter) ==
          "kn_activator_stats_conn_errors_total");
    CHECK(prometheus_label("http.response.status_code") == "http_response_status_code");
    CHECK(otel_instrument("sluice_slot_seconds_total").name == "sluice.slot_seconds");
    CHECK(otel_instrument("sluice_slot_seconds_total").unit == "s");
    for (const MetricInfo& info : metric_catalogue()) {
        const OtelInstrument instrument = otel_instrument(info.name);
        INFO(info.name);
        CHECK(instrument.name.starts_with("sluice."));
        CHECK(prometheus_name(instrument, info.type) == info.name);
    }
}

}  // namespace common
