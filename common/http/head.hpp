// The head of a message, and how its body is delimited. Protocol-neutral.
#pragma once

#include <cstdint>
#include <string>

#include "common/http/fields.hpp"

namespace common {

enum class BodyKind : std::uint8_t {
    none,
    length,      // Content-Length
    chunked,     // length unknown, end marked
    until_close  // length unknown, end is the connection's end (responses only)
};

struct Framing {
    BodyKind kind = BodyKind::none;
    std::uint64_t length = 0;  // BodyKind::length only
};

// What a request came with, and goes on with: nothing is translated (contract queue-proxy.md 3.10).
enum class Protocol : std::uint8_t { http1, http2 };

struct RequestHead {
    std::string method;
    std::string target;  // as it came: never cleaned, decoded or joined
    int version = 11;    // 10, 11 or 20
    Fields fields;
    Framing body;
    bool keep_alive = true;
    bool upgrade = false;          // Connection: Upgrade with an Upgrade field
    bool expect_continue = false;  // Expect: 100-continue

    Protocol protocol() const { return version >= 20 ? Protocol::http2 : Protocol::http1; }
};

struct ResponseHead {
    int status = 200;
    std::string reason;
    int version = 11;
    Fields fields;
    Framing body;
    bool keep_alive = true;
};

// The standard phrase of RFC 9110 for `status`, or "" for one that has none.
std::string_view reason_phrase(int status);
// 1xx, 204 and 304 never have a body (RFC 9112 6.3).
constexpr bool status_has_body(int status) {
    return status >= 200 && status != 204 && status != 304;
}

}  // namespace common
