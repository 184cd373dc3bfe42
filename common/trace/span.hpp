// One span, and the messages that carry spans to a collector: OTLP's JSON encoding (ids in
// hexadecimal, 64-bit integers as strings, enumerations as numbers).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/trace_context.hpp"
#include "common/log/log_line.hpp"
#include "common/trace/trace_settings.hpp"

namespace common {

// OTLP's numbers.
enum class SpanKind : std::uint8_t { internal = 1, server = 2, client = 3 };

struct Span {
    TraceContext context;      // its trace and its own id
    std::uint64_t parent = 0;  // 0: it has none
    std::string name;
    SpanKind kind = SpanKind::internal;
    std::string_view state;  // tracestate
    std::int64_t began = 0;  // nanoseconds since 1970
    std::int64_t ended = 0;
    std::vector<LogField> attributes;
    bool failed = false;
};

// Texts of clients are bounded, so that a span is: longer values are cut.
inline constexpr std::size_t span_text_bytes_max = 256;

// One element of ScopeSpans.spans.
std::string encode_span(const Span& span);
// An ExportTraceServiceRequest with all of them.
std::string encode_spans(const TraceAttributes& resource, const std::vector<std::string>& spans);

}  // namespace common
