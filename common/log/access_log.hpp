// Which finished requests does the access log tell of? Its lines are events of the process's log
// ("request"), but it has a switch of its own, whatever the log's level.
//
// The default is what a proxy's operator expects: no line for each request (as Knative, and HAProxy
// without `option httplog`), but one for each that failed.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace common {

enum class AccessLog : std::uint8_t { off, errors, all };

inline constexpr std::string_view access_log_words = "off, errors or all";

constexpr std::optional<AccessLog> parse_access_log(std::string_view word) {
    if (word == "off") return AccessLog::off;
    if (word == "errors") return AccessLog::errors;
    if (word == "all") return AccessLog::all;
    return std::nullopt;
}

// `failed`: a status from 500 on, or an answer that broke off.
constexpr bool is_logged(AccessLog log, bool failed) {
    return log == AccessLog::all || (failed && log == AccessLog::errors);
}

}  // namespace common
