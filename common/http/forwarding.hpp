// What a relay changes in a head on its way: connection-level fields go, the client's address is
// added. Both programs do the same (contract queue-proxy.md 3.7 and 3.8, activator.md 4.1); what
// only one of them adds or removes is in its serve_request.
#pragma once

#include <string_view>

#include "common/http/head.hpp"

namespace common {

// The head to send to a backend: hop-by-hop fields and those that Connection names are gone, `TE:
// trailers` and an upgrade are restored, X-Forwarded-For has `peer`'s address ("10.0.0.1:4711",
// "[::1]:80") at its end. Framing is the incoming body's; a POST, PUT or PATCH without a body says
// Content-Length: 0.
RequestHead forward_request_head(const RequestHead& incoming, std::string_view peer);

// The head to send to a client. Upgrade fields survive for status 101 only.
ResponseHead forward_response_head(ResponseHead head);

// The trailer fields to send on: those that mean framing or the connection are dropped (RFC 9110
// 6.5.1).
Fields forward_trailers(const Fields& incoming);

// "10.0.0.1:4711" -> "10.0.0.1", "[::1]:80" -> "::1"
std::string_view host_of_peer(std::string_view peer);

}  // namespace common
