// One line of the log as bytes: JSON for programs, text for people at a terminal. Pure: the time
// comes in. Whatever comes in, it is one line, valid JSON where it should be, and at most
// log_line_bytes_max long: a text that is too long is cut, and what does not fit at all is left out
// and said ("cut").
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace common {

enum class LogLevel : std::uint8_t { debug, info, warning, error };
enum class LogFormat : std::uint8_t { json, text };

struct LogField {
    std::string_view key;
    std::variant<std::string_view, std::int64_t, double, bool> value;

    LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
    LogField(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
    LogField(std::string_view k, const std::string& v) : key(k), value(std::string_view(v)) {}
    template <class T>
        requires std::is_arithmetic_v<T>
    LogField(std::string_view k, T v) : key(k) {
        if constexpr (std::is_same_v<T, bool>) {
            value = v;
        } else if constexpr (std::is_floating_point_v<T>) {
            value = static_cast<double>(v);
        } else {
            value = static_cast<std::int64_t>(v);
        }
    }
};
using LogFields = std::initializer_list<LogField>;

// What all lines of a process have in common.
struct LogConfig {
    LogLevel level = LogLevel::info;
    LogFormat format = LogFormat::json;
    std::string program;  // field "logger"
    std::string pod;      // field "pod"; empty: left out
    // More fields of every JSON line: names and texts.
    std::vector<std::pair<std::string, std::string>> fields;
};

struct LogEvent {
    LogLevel level = LogLevel::info;
    std::string_view event;
    std::string_view message;
    std::span<const LogField> fields;
    std::int64_t unix_nanoseconds = 0;
};

// What a pipe that takes anything takes at once (PIPE_BUF of Linux), the line's end included.
inline constexpr std::size_t log_line_bytes_max = 4096;
// Of one text in it, as it is written.
inline constexpr std::size_t log_text_bytes_max = 1024;

// Without the line's end.
std::string log_line(const LogConfig& config, const LogEvent& event);

// Appends `text` to `out` as the inside of a JSON string (no quotes around it). Bytes that are not
// UTF-8 are replaced by U+FFFD, so that the line is always valid JSON. At most `bytes_max` bytes
// are added; what does not fit is cut at a character's end. Returns whether all of it fitted.
bool append_json_escaped(std::string& out, std::string_view text,
                         std::size_t bytes_max = std::string::npos);
// A JSON number; null for what is none.
void append_json_number(std::string& out, double value);
// "2026-11-23T10:15:30.123456Z"
std::string rfc3339(std::int64_t unix_nanoseconds);

}  // namespace common
