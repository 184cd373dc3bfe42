// Does the application still work on what a queue-proxy before this one let in? One that was killed
// left connections behind; an application that is still at it has not closed its end, which the
// kernel then lists as CLOSE_WAIT (proc(5), /proc/net/tcp).
//
// An application that closes a connection as soon as its client has gone, and works on, cannot be
// told from one that is idle.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace proxy {

// `line` of /proc/net/tcp or tcp6. Returns the other end's port if this is a connection from this
// host (a queue-proxy uses the loopback; the kubelet does not) to `user_port` of which only the
// application's end is open.
std::optional<std::uint16_t> left_connection(std::string_view line, std::uint16_t user_port);

}  // namespace proxy
