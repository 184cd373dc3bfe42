// What every server span of ours says of its request, in the names of OpenTelemetry's conventions.
#pragma once

#include "common/http/head.hpp"
#include "common/trace/request_trace.hpp"
#include "common/trace/span.hpp"

namespace common {

// The method as a span's name and attribute; `other` for one that is none of the standard ones
// (contract queue-proxy.md 8.2, and semantic conventions: no client makes up names).
std::string_view method_name(std::string_view method, std::string_view other);

// Named by the method, with the request's attributes. Of the target only the path is told: a query
// may hold secrets. The arguments outlive the span. REQUIRES: trace.is_recorded().
Span server_span(const RequestTrace& trace, const RequestHead& head, bool secure,
                 std::string_view peer);

}  // namespace common
