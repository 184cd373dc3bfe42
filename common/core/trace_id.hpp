// Which trace does a request belong to, for the request log (contract queue-proxy 8.1, row 93)?
#pragma once

#include <string_view>

namespace common {

// The second part of Traceparent if it has at least two, else X-B3-Traceid, else empty. A view of
// an argument.
constexpr std::string_view trace_id(std::string_view traceparent, std::string_view b3_trace_id) {
    const auto first = traceparent.find('-');
    if (first == std::string_view::npos) return b3_trace_id;
    traceparent.remove_prefix(first + 1);
    return traceparent.substr(0, traceparent.find('-'));
}

}  // namespace common
