// What the clients of the listening port may take of us, as the command line says it; the same
// flags for `activator` and `sluice up`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "common/core/time.hpp"
#include "common/http/server_connection.hpp"

namespace CLI {
class App;
}

namespace activator {

// Unset: the default of server_limits(), which depends on who calls.
struct ClientLimits {
    std::size_t connections = 20'000;
    std::optional<std::size_t> connections_per_client;
    std::optional<std::uint64_t> header_bytes;
    std::optional<std::uint64_t> uri_bytes;
    common::Duration header_timeout = std::chrono::seconds(60);
    std::optional<common::Duration> keep_alive_timeout;
    std::size_t requests_per_connection = 0;
};

// The flags; they write into `limits`, which outlives `command`.
void add_flags(CLI::App& command, ClientLimits& limits);

// `edge`: clients themselves call. One address may then hold half of all connections, a head has 64
// KiB and its URI 16 KiB, an idle connection is closed after five minutes. Otherwise Knative's
// ingress calls: one address for all, heads of 1 MiB and no idle time (contract activator.md 2).
// `open_files` is what the process may open; never more connections than it allows.
common::ServerLimits server_limits(const ClientLimits& limits, bool edge, std::size_t open_files);
// Of the admin port: few clients, short heads.
common::ServerLimits admin_limits();

}  // namespace activator
