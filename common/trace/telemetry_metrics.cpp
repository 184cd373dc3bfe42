#include "common/trace/telemetry_metrics.hpp"

#include "common/log/log.hpp"

namespace common {

void add_telemetry(MetricsPage& page, const SpanQueue* spans) {
    const std::uint64_t exported = spans ? spans->exported() : 0;
    const std::uint64_t dropped = spans ? spans->dropped_full() + spans->dropped_failed() : 0;
    page.add("sluice_log_lines_lost_total", {}, static_cast<double>(log_lines_lost()));
    page.add("sluice_trace_spans_exported_total", {}, static_cast<double>(exported));
    page.add("sluice_trace_spans_dropped_total", {}, static_cast<double>(dropped));
}

}  // namespace common
