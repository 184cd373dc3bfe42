#include "activator/client_limits.hpp"

#include <algorithm>
#include <string>

#include <CLI/CLI.hpp>

#include "common/core/parse.hpp"
#include "common/net/open_files.hpp"

namespace activator {
namespace {

using common::Duration;
using std::chrono::seconds;

constexpr std::uint64_t edge_header_bytes = 64 << 10;
constexpr std::uint64_t edge_uri_bytes = 16 << 10;
constexpr Duration edge_keep_alive = seconds(300);

// A head fits: the largest that the parser is used with anywhere is 10 MiB.
constexpr std::uint64_t header_bytes_min = 1024;
constexpr std::uint64_t header_bytes_max = 10 << 20;
constexpr Duration longest = std::chrono::hours(24);

template <class Value>
void add_size(CLI::App& command, const std::string& name, Value& into, const std::string& what) {
    command.add_option_function<std::string>(
        name,
        [&into, name](const std::string& text) {
            const auto bytes = common::parse_byte_size(text);
            if (!bytes || *bytes < header_bytes_min || *bytes > header_bytes_max)
                throw CLI::ValidationError(name, '"' + text + "\" is not a size from 1Ki to 10Mi");
            into = static_cast<std::uint64_t>(*bytes);
        },
        what);
}

template <class Value>
void add_duration(CLI::App& command, const std::string& name, Value& into, Duration shortest,
                  const std::string& what) {
    command.add_option_function<std::string>(
        name,
        [&into, name, shortest](const std::string& text) {
            const auto duration = common::parse_go_duration(text);
            if (!duration || *duration < shortest || *duration > longest) {
                throw CLI::ValidationError(name, '"' + text + "\" is not a duration from " +
                                                     common::format_go_duration(shortest) +
                                                     " to 24h (30s, 5m)");
            }
            into = *duration;
        },
        what);
}

template <class Value>
void add_count(CLI::App& command, const std::string& name, Value& into, const std::string& what) {
    command.add_option_function<std::string>(
        name,
        [&into, name](const std::string& text) {
            const auto count = common::parse_int(text);
            if (!count || *count < 0 || *count > 10'000'000) {
                throw CLI::ValidationError(
                    name, '"' + text + "\" is not an integer from 0 (no limit) to 10000000");
            }
            into = static_cast<std::size_t>(*count);
        },
        what);
}

}  // namespace

void add_flags(CLI::App& command, ClientLimits& limits) {
    add_count(command, "--max-connections", limits.connections,
              "Connections of clients at once; 0: as many as open files allow (default: 20000)");
    add_count(command, "--max-connections-per-client", limits.connections_per_client,
              "Of one address; 0: no limit (default: half of all)");
    add_count(command, "--max-requests-per-connection", limits.requests_per_connection,
              "Then it is closed; 0: no limit (default: 0)");
    add_size(command, "--max-header-bytes", limits.header_bytes,
             "Request line and header fields (default: 64Ki)");
    add_size(command, "--max-uri-bytes", limits.uri_bytes, "A request's target (default: 16Ki)");
    add_duration(
        command, "--header-timeout", limits.header_timeout, seconds(1),
        "From connecting, or a request's first byte, to the end of its head (default: 60s)");
    add_duration(command, "--keep-alive-timeout", limits.keep_alive_timeout, Duration::zero(),
                 "Connections without a request; 0s: no limit (default: 5m)");
}

common::ServerLimits server_limits(const ClientLimits& limits, bool edge, std::size_t open_files) {
    common::ServerLimits server;  // its defaults are the contract's
    server.connections_max = common::connections_for(open_files);
    if (limits.connections > 0)
        server.connections_max = std::min(limits.connections, server.connections_max);
    const std::size_t half = edge ? std::max<std::size_t>(server.connections_max / 2, 1) : 0;
    server.connections_per_client_max = limits.connections_per_client.value_or(half);
    server.requests_per_connection_max = limits.requests_per_connection;
    server.head_timeout = limits.header_timeout;
    if (edge) {
        server.parser.header_bytes_max = edge_header_bytes;
        server.parser.target_bytes_max = edge_uri_bytes;
        server.idle_timeout = edge_keep_alive;
    }
    if (limits.header_bytes)
        server.parser.header_bytes_max = static_cast<std::uint32_t>(*limits.header_bytes);
    if (limits.uri_bytes) server.parser.target_bytes_max = *limits.uri_bytes;
    if (limits.keep_alive_timeout) server.idle_timeout = *limits.keep_alive_timeout;
    return server;
}

common::ServerLimits admin_limits() {
    common::ServerLimits server;
    server.connections_max = 64;
    server.parser.header_bytes_max = 16 << 10;
    server.parser.field_count_max = 100;
    server.head_timeout = seconds(10);
    server.idle_timeout = seconds(120);
    return server;
}

}  // namespace activator
