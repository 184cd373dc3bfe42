// Metrics as OTLP pushes them: an ExportMetricsServiceRequest in protobuf's encoding, from the same
// families that Prometheus is shown. Cumulative always: a push that is lost costs nothing, the next
// one says it all.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/metrics/exposition.hpp"
#include "common/otlp/message.hpp"

namespace common {

// Nanoseconds since 1970.
struct MetricTimes {
    std::int64_t began = 0;  // since when is counted
    std::int64_t now = 0;
};

// Families without a name of OpenTelemetry's, or without a sample, are left out.
std::string encode_metrics(const OtlpAttributes& resource,
                           const std::vector<MetricFamilyText>& families, MetricTimes times);

}  // namespace common
