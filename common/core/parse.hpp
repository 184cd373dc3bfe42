// Text to value, strictly: the whole text is the value or there is none. No locale, no leading or
// trailing blanks, no partial matches; overflow is "no value". The spellings are Go's and
// Kubernetes' because the texts come from Knative annotations and environments.
//
// Nothing here knows a range or a name: callers say which values are sensible and word the error.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/core/time.hpp"

namespace common {

// Decimal with an optional sign: "10", "-1", "+5". No base prefix, no '_'.
std::optional<std::int64_t> parse_int(std::string_view text);

// As Go's strconv.ParseInt(text, 0, 64), which envconfig uses (contract queue-proxy.md 1.1):
// "0x10", "010" and "0o10" (octal), "0b1", '_' between digits or after the prefix.
std::optional<std::int64_t> parse_go_int(std::string_view text);

// Exactly one of 1 t T TRUE true True 0 f F FALSE false False (Go's strconv.ParseBool).
std::optional<bool> parse_go_bool(std::string_view text);

// A finite decimal number: "1", "0.7", "1e3". No "inf", "nan" or hexadecimal.
std::optional<double> parse_number(std::string_view text);

// As Go's time.ParseDuration: "300ms", "-1.5h", "2h45m", "0". Units ns us µs ms s m h; a bare
// number other than 0 has no unit and is refused. Fractions are cut to whole nanoseconds.
std::optional<Duration> parse_go_duration(std::string_view text);

// Bytes: digits and an optional suffix k M G T (powers of 1000) or Ki Mi Gi Ti (powers of 1024),
// as in a Kubernetes quantity but whole numbers only.
std::optional<std::uint64_t> parse_byte_size(std::string_view text);

struct HostPort {
    std::string host;  // without brackets; empty for ":8080"
    std::uint16_t port = 0;
    friend bool operator==(const HostPort&, const HostPort&) = default;
};
// "127.0.0.1:8080", "[::1]:80", "localhost:0", ":8080". An IPv6 address needs its brackets.
std::optional<HostPort> parse_host_port(std::string_view text);

struct HttpUrl {
    bool tls = false;
    HostPort host;     // the port is 80 or 443 if the text has none
    std::string path;  // as it stands, with its query; may be empty
};
// "http://host[:port][/path]" or "https://…", with a host. No user, no fragment, no blanks.
std::optional<HttpUrl> parse_http_url(std::string_view text);

// The shortest text that parse_go_duration reads back to the same value: "1m30s", "250ms", "0s".
std::string format_go_duration(Duration duration);
// The shortest exact text that parse_byte_size reads back: "64Mi", "1000".
std::string format_byte_size(std::uint64_t bytes);

}  // namespace common
