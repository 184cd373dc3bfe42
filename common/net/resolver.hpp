// From a host's name to its addresses. getaddrinfo runs on a thread of Asio's own, so that nothing
// here waits; it cannot be cut short, only not waited for.
#pragma once

#include <string>
#include <vector>

#include "common/async/awaitable.hpp"
#include "common/net/address.hpp"
#include "common/net/stream.hpp"

namespace common {

struct ResolveResult {
    error_code ec;
    std::vector<Address> addresses;  // in the order to try them
};

// A numeric host is its own address, and nothing is asked.
awaitable<ResolveResult> resolve(std::string host, std::uint16_t port);

}  // namespace common
