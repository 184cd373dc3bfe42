// The process's log: one line per event, on stderr. Every line has a stable `event` name, so that
// operators can search for it; README.md beside this file lists them all. One writer, one write(2)
// per line, and never a wait: a log must neither end nor block the service.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/log/log_line.hpp"

namespace common {

// Sets what the whole process logs from now on.
void configure_log(LogConfig config);
bool log_enabled(LogLevel level);
LogFormat log_format();

void log(LogLevel level, std::string_view event, std::string_view message, LogFields fields = {});
// Whatever the level: for what has a switch of its own.
void log_always(LogLevel level, std::string_view event, std::string_view message,
                std::span<const LogField> fields);

inline void log_debug(std::string_view event, std::string_view message, LogFields fields = {}) {
    if (log_enabled(LogLevel::debug)) log(LogLevel::debug, event, message, fields);
}
inline void log_info(std::string_view event, std::string_view message, LogFields fields = {}) {
    log(LogLevel::info, event, message, fields);
}
inline void log_warning(std::string_view event, std::string_view message, LogFields fields = {}) {
    log(LogLevel::warning, event, message, fields);
}
inline void log_error(std::string_view event, std::string_view message, LogFields fields = {}) {
    log(LogLevel::error, event, message, fields);
}

// The line, without its end, that log() would write: for an output other than stderr.
std::string make_log_line(LogLevel level, std::string_view event, std::string_view message,
                          LogFields fields = {});
// Why the program does not start: an event; at a terminal a plain line, as for a wrong flag.
void log_start_failed(std::string_view problem);

// Writes a line for people or programs that may not be listening. If it cannot go at once (a full
// or closed pipe, a full disk) it is dropped and counted. One longer than log_line_bytes_max is
// cut. Returns whether it went.
bool write_without_waiting(int descriptor, std::string line);
// Lines dropped since the start. The next line of the log that can be written says how many.
std::uint64_t log_lines_lost();

}  // namespace common
