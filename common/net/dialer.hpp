// Connects to a backend by a deadline.
#pragma once

#include <memory>

#include "common/net/address.hpp"
#include "common/net/stream.hpp"
#include "common/time/time_source.hpp"

namespace common {

struct DialResult {
    error_code ec;  // timed_out when the deadline came first
    std::unique_ptr<Stream> stream;
};

// TCP keepalive is on (5 s idle, contract queue-proxy.md 3.10), so that a dead peer is noticed
// during a long wait.
awaitable<DialResult> dial(TimeSource& time, Address address, Duration timeout);

}  // namespace common
