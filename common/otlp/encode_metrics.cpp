#include "common/otlp/encode_metrics.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>

#include "common/core/parse.hpp"

namespace common {
namespace {

using protozero::pbf_writer;

constexpr int cumulative = 2;  // AggregationTemporality

// Integers by OpenTelemetry's conventions; a label's text does not say so.
bool is_integer(std::string_view attribute) {
    return attribute == "http.response.status_code" || attribute == "server.port";
}

class Points {
  public:
    Points(pbf_writer& metric, const MetricFamilyText& family, MetricTimes times)
        : metric_(metric), family_(family), times_(times) {}

    void add_all() {
        switch (family_.type) {
            case MetricType::gauge:
                add_numbers(5);
                break;
            case MetricType::counter:
            case MetricType::up_down:
                add_numbers(7);
                break;
            case MetricType::histogram:
                add_histograms();
                break;
        }
    }

  private:
    void add_times(pbf_writer& point) const {
        if (family_.type != MetricType::gauge)
            point.add_fixed64(2, static_cast<std::uint64_t>(times_.began));
        point.add_fixed64(3, static_cast<std::uint64_t>(times_.now));
    }

    static void add_attributes(pbf_writer& point, ProtoField field, const MetricSample& sample) {
        for (const auto& [name, value] : sample.labels) {
            const auto number = is_integer(name) ? parse_int(value) : std::optional<std::int64_t>();
            if (number) {
                add_attribute(point, field, name, *number);
            } else {
                add_attribute(point, field, name, std::string_view(value));
            }
        }
    }

    // Gauge, Sum.
    void add_numbers(ProtoField kind) const {
        pbf_writer numbers(metric_, kind);
        for (const MetricSample& sample : family_.samples) {
            pbf_writer point(numbers, 1);
            add_times(point);
            if (family_.otel.is_fractional) {
                point.add_double(4, sample.value);
            } else {
                point.add_sfixed64(6, std::llround(sample.value));
            }
            add_attributes(point, 7, sample);
        }
        if (family_.type == MetricType::gauge) return;
        numbers.add_enum(2, cumulative);
        numbers.add_bool(3, family_.type == MetricType::counter);
    }

    void add_histograms() const {
        pbf_writer histograms(metric_, 9);
        for (const MetricSample& sample : family_.samples) {
            const Histogram& histogram = *sample.histogram;
            pbf_writer point(histograms, 1);
            add_times(point);
            point.add_fixed64(4, histogram.count());
            point.add_double(5, histogram.sum());
            point.add_packed_fixed64(6, histogram.counts().begin(), histogram.counts().end());
            point.add_packed_double(7, histogram.bounds().begin(), histogram.bounds().end());
            add_attributes(point, 9, sample);
        }
        histograms.add_enum(2, cumulative);
    }

    pbf_writer& metric_;
    const MetricFamilyText& family_;
    MetricTimes times_;
};

bool is_pushed(const MetricFamilyText& family) {
    return !family.otel.name.empty() && !family.samples.empty();
}

// In the order of their first family.
std::vector<std::string_view> scopes_of(const std::vector<MetricFamilyText>& families) {
    std::vector<std::string_view> scopes;
    for (const MetricFamilyText& family : families) {
        if (!is_pushed(family)) continue;
        if (std::find(scopes.begin(), scopes.end(), family.otel.scope) == scopes.end())
            scopes.push_back(family.otel.scope);
    }
    return scopes;
}

void add_metric(pbf_writer& group, const MetricFamilyText& family, MetricTimes times) {
    pbf_writer metric(group, 2);
    add_text(metric, 1, family.otel.name);
    add_text(metric, 2, family.help);
    if (!family.otel.unit.empty()) add_text(metric, 3, family.otel.unit);
    Points(metric, family, times).add_all();
}

void add_groups(pbf_writer request, const OtlpAttributes& resource,
                const std::vector<MetricFamilyText>& families, MetricTimes times) {
    pbf_writer metrics(request, 1);
    add_resource(metrics, resource);
    for (const std::string_view scope : scopes_of(families)) {
        pbf_writer group(metrics, 2);
        add_scope(group, scope);
        for (const MetricFamilyText& family : families) {
            if (is_pushed(family) && family.otel.scope == scope) add_metric(group, family, times);
        }
    }
}

}  // namespace

std::string encode_metrics(const OtlpAttributes& resource,
                           const std::vector<MetricFamilyText>& families, MetricTimes times) {
    std::string out;
    add_groups(pbf_writer(out), resource, families, times);
    return out;
}

}  // namespace common
