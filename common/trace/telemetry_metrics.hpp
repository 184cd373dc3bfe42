// What the log and the traces lost, for the metrics of every program.
#pragma once

#include "common/core/span_queue.hpp"
#include "common/metrics/metrics_page.hpp"

namespace common {

// `spans` is null while nothing is traced.
void add_telemetry(MetricsPage& page, const SpanQueue* spans);

}  // namespace common
