// Counters, gauges and histograms as Prometheus text. Whoever owns the numbers keeps them as plain
// integers and lists them here at each scrape or export (otlp/encode_metrics); nothing is
// registered, so nothing can be forgotten when it goes away.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/metrics/histogram.hpp"
#include "common/metrics/otel_instrument.hpp"

namespace common {

struct MetricSample {
    // Attributes of OpenTelemetry ("http.request.method"); a label has no dots.
    std::vector<std::pair<std::string, std::string>> labels;
    double value = 0;
    // histogram only: what to show instead of `value`; outlives the call of exposition().
    const Histogram* histogram = nullptr;
};

struct MetricFamilyText {
    std::string name;  // Prometheus's
    std::string help;
    MetricType type = MetricType::gauge;
    std::vector<MetricSample> samples;
    OtelInstrument otel = {};
};

// A family of stock's.
MetricFamilyText otel_family(OtelInstrument instrument, MetricType type, std::string help);

// Text format 0.0.4. The scope of an instrument is a label.
std::string exposition(const std::vector<MetricFamilyText>& families);

inline constexpr const char* exposition_content_type = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace common
