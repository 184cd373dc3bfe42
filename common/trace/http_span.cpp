#include "common/trace/http_span.hpp"

#include <algorithm>
#include <array>

#include "common/core/path_pattern.hpp"
#include "common/http/forwarding.hpp"

namespace common {

std::string_view method_name(std::string_view method, std::string_view other) {
    static constexpr std::array<std::string_view, 9> methods = {
        "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"};
    const auto at = std::find(methods.begin(), methods.end(), method);
    return at == methods.end() ? other : *at;
}

Span server_span(const RequestTrace& trace, const RequestHead& head, bool secure,
                 std::string_view peer) {
    Span span;
    span.context = trace.own();
    span.parent = trace.parent();
    span.name = method_name(head.method, "HTTP");
    span.kind = SpanKind::server;
    span.state = trace.trace_state();
    span.attributes.reserve(16);
    const auto add = [&span](std::string_view key, std::string_view value) {
        span.attributes.emplace_back(key, value);
    };
    add("http.request.method", method_name(head.method, "_OTHER"));
    add("url.scheme", secure ? "https" : "http");
    add("url.path", path_of_target(head.target));
    add("server.address", head.fields.get("Host"));
    add("client.address", host_of_peer(peer));
    add("network.protocol.version", head.version >= 20 ? "2" : head.version >= 11 ? "1.1" : "1.0");
    const std::string_view agent = head.fields.get("User-Agent");
    if (!agent.empty()) add("user_agent.original", agent);
    return span;
}

}  // namespace common
