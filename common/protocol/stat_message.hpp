// The statistics that queue-proxies serve and activators send, as bytes.
// (contracts activator.md 5.2 and queue-proxy.md 6.2)
//
// proto3 as the reference encoder writes it: fields in ascending order, zero values omitted, so the
// bytes are equal to those of the stock programs. Decoding accepts any field order, skips unknown
// fields and refuses malformed input.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace common {

// message Stat
struct Stat {
    std::string pod_name;
    double average_concurrent_requests = 0;
    double average_proxied_concurrent_requests = 0;
    double request_count = 0;
    double proxied_request_count = 0;
    double process_uptime = 0;   // seconds
    std::int64_t timestamp = 0;  // Unix seconds; 0 = the receiver fills in its own

    friend bool operator==(const Stat&, const Stat&) = default;
};

// message WireStatMessage: one revision's statistics.
struct WireStatMessage {
    std::string name_space;
    std::string name;          // of the revision
    std::optional<Stat> stat;  // absent: the receiver skips the message

    friend bool operator==(const WireStatMessage&, const WireStatMessage&) = default;
};

// The body of `GET /metrics` on port 9090.
std::string encode_stat(const Stat& stat);
// Empty if `bytes` is not a well-formed Stat.
std::optional<Stat> decode_stat(std::string_view bytes);

// message WireStatMessages: one binary WebSocket message to the autoscaler.
std::string encode_stat_messages(const std::vector<WireStatMessage>& messages);
// Empty if `bytes` is not a well-formed WireStatMessages.
std::optional<std::vector<WireStatMessage>> decode_stat_messages(std::string_view bytes);

}  // namespace common
