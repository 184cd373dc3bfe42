// Open files that travel from one process to another: a line of text with descriptors beside it,
// over a Unix socket (unix(7), SCM_RIGHTS).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/net/unique_fd.hpp"

namespace common {

// What one message may bring: a line of ours is far shorter, and three descriptors are used.
constexpr std::size_t passed_line_max = 64 << 10;
constexpr std::size_t passed_sockets_max = 8;

// Sends `line` (without a line feed, below passed_line_max) and at least one descriptor at once.
// Never waits: false if the other side is gone or its buffer full.
bool send_with_sockets(int connection, std::string_view line, std::span<const int> sockets);

struct PassedSockets {
    std::string line;
    std::vector<UniqueFd> sockets;  // close-on-exec
};
// Waits as long as the socket's own SO_RCVTIMEO allows. Empty if nothing whole came.
std::optional<PassedSockets> receive_with_sockets(int connection);

}  // namespace common
