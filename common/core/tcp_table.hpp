// A line of /proc/net/tcp or tcp6 (proc(5)): one socket of this network namespace.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace common {

struct TcpSocket {
    enum class State : std::uint8_t { close_wait = 0x08, listen = 0x0A };  // of the kernel's, ours
    struct End {
        std::string_view address;  // hex: 32-bit words in the byte order of this machine
        std::uint16_t port = 0;
    };
    End local;
    End remote;
    State state{};
    std::uint64_t inode = 0;
};

// Empty for the header, and for what is no such line. The result is valid as long as `line`.
std::optional<TcpSocket> parse_tcp_table_line(std::string_view line);

// 127.0.0.0/8, also as an IPv6 address, and ::1. `address` as in TcpSocket.
bool is_loopback_in_tcp_table(std::string_view address);

}  // namespace common
