// One span, and the messages that carry spans to a collector, in OTLP's two encodings: protobuf,
// and JSON (ids in hexadecimal, 64-bit integers as strings, enumerations as numbers).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/trace_context.hpp"
#include "common/log/log_line.hpp"
#include "common/otlp/message.hpp"

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

// W3C Trace Context 3.3.1.5: what must be passed on whole; a longer tracestate is not exported.
inline constexpr std::size_t span_state_bytes_max = 512;

// One element of ScopeSpans.spans. Texts of clients are cut to otlp_text_bytes_max.
std::string encode_span_json(const Span& span);
std::string encode_span_protobuf(const Span& span);
// An ExportTraceServiceRequest with all of them, each encoded alike.
std::string encode_spans_json(const OtlpAttributes& resource,
                              const std::vector<std::string>& spans);
std::string encode_spans_protobuf(const OtlpAttributes& resource,
                                  const std::vector<std::string>& spans);

}  // namespace common
