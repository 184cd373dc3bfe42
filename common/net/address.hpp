// Where something listens: a numeric IP address and port, or a Unix socket. Names are resolved
// before they get here, because getaddrinfo blocks a thread and cannot be cancelled.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace common {

struct Address {
    std::string host;  // numeric IPv4 or IPv6 (no brackets); empty: every address of the machine
                       // (listening)
    std::uint16_t port = 0;  // 0 when listening: any free port
    std::string unix_path;   // not empty: a Unix socket, host and port mean nothing

    friend bool operator==(const Address&, const Address&) = default;
    friend auto operator<=>(const Address&, const Address&) = default;
};

// "127.0.0.1:8080", "[::1]:8080", ":8080" (every address), "localhost:8080" (127.0.0.1). Empty if
// it is none.
std::optional<Address> parse_address(std::string_view text);
std::string to_string(const Address& address);

}  // namespace common
