// The route tag of a request for metrics and spans (contract queue-proxy 3.3).
#pragma once

#include <string_view>

namespace common {

// From Knative-Serving-Tag and Knative-Serving-Default-Route. The result is a constant or a view
// of `tag`.
constexpr std::string_view route_tag(std::string_view tag, std::string_view default_route) {
    if (tag.empty()) return default_route.empty() ? "kn:disabled" : "kn:default";
    return default_route == "true" ? "kn:undefined" : tag;
}

}  // namespace common
