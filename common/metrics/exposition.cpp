#include "common/metrics/exposition.hpp"

#include <limits>
#include <utility>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

namespace common {
namespace {

prometheus::MetricType type_of(MetricType type) {
    switch (type) {
        case MetricType::counter:
            return prometheus::MetricType::Counter;
        case MetricType::gauge:
        case MetricType::up_down:
            return prometheus::MetricType::Gauge;
        case MetricType::histogram:
            break;
    }
    return prometheus::MetricType::Histogram;
}

prometheus::ClientMetric::Histogram to_buckets(const Histogram& histogram) {
    prometheus::ClientMetric::Histogram made;
    made.sample_count = histogram.count();
    made.sample_sum = histogram.sum();
    std::uint64_t cumulative = 0;
    for (std::size_t i = 0; i < histogram.counts().size(); ++i) {
        cumulative += histogram.counts()[i];
        const bool last = i == histogram.bounds().size();
        prometheus::ClientMetric::Bucket bucket;
        bucket.cumulative_count = cumulative;
        bucket.upper_bound = last ? std::numeric_limits<double>::infinity() : histogram.bounds()[i];
        made.bucket.push_back(bucket);
    }
    return made;
}

}  // namespace

MetricFamilyText otel_family(OtelInstrument instrument, MetricType type, std::string help) {
    MetricFamilyText family;
    family.name = prometheus_name(instrument, type);
    family.help = std::move(help);
    family.type = type;
    family.otel = std::move(instrument);
    return family;
}

std::string exposition(const std::vector<MetricFamilyText>& families) {
    std::vector<prometheus::MetricFamily> all;
    for (const MetricFamilyText& family : families) {
        prometheus::MetricFamily made;
        made.name = family.name;
        made.help = family.help;
        made.type = type_of(family.type);
        for (const MetricSample& sample : family.samples) {
            prometheus::ClientMetric metric;
            for (const auto& [name, value] : sample.labels)
                metric.label.push_back({prometheus_label(name), value});
            if (!family.otel.scope.empty())
                metric.label.push_back({"otel_scope_name", std::string(family.otel.scope)});
            if (made.type == prometheus::MetricType::Counter) metric.counter.value = sample.value;
            if (made.type == prometheus::MetricType::Gauge) metric.gauge.value = sample.value;
            if (sample.histogram != nullptr) metric.histogram = to_buckets(*sample.histogram);
            made.metric.push_back(std::move(metric));
        }
        all.push_back(std::move(made));
    }
    return prometheus::TextSerializer().Serialize(all);
}

}  // namespace common
