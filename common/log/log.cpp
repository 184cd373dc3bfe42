#include "common/log/log.hpp"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "common/time/system_time.hpp"

namespace common {
namespace {

struct Log {
    LogConfig config;
    std::uint64_t lost = 0;
    std::uint64_t lost_told = 0;
};

Log& the_log() {
    static Log instance;
    return instance;
}

std::string line_of(LogLevel level, std::string_view event, std::string_view message,
                    std::span<const LogField> fields) {
    LogEvent whole{level, event, message, fields, system_wall_now().time_since_epoch().count()};
    return log_line(the_log().config, whole);
}

bool takes_a_line(int descriptor) {
    pollfd ready{descriptor, POLLOUT, 0};
    // A pipe that nobody reads is writable too, and an error.
    return ::poll(&ready, 1, 0) == 1 && (ready.revents & POLLOUT) != 0 &&
           (ready.revents & POLLERR) == 0;
}

void tell_lost_lines() {
    Log& log = the_log();
    if (log.lost == log.lost_told || !takes_a_line(STDERR_FILENO)) return;
    const std::uint64_t lost = log.lost - log.lost_told;
    log.lost_told = log.lost;
    const std::array<LogField, 1> fields{LogField("lines", lost)};
    log_always(LogLevel::warning, "log_lines_lost",
               "lines are missing here: they could not be written at once", fields);
}

}  // namespace

bool write_without_waiting(int descriptor, std::string line) {
    if (line.size() > log_line_bytes_max) {
        line.resize(log_line_bytes_max - 1);
        line += '\n';
    }
    const bool written =
        takes_a_line(descriptor) &&
        ::write(descriptor, line.data(), line.size()) == static_cast<ssize_t>(line.size());
    if (!written) ++the_log().lost;
    return written;
}

std::uint64_t log_lines_lost() {
    return the_log().lost;
}

void configure_log(LogConfig config) {
    the_log().config = std::move(config);
}

bool log_enabled(LogLevel level) {
    return level >= the_log().config.level;
}

LogFormat log_format() {
    return the_log().config.format;
}

void log(LogLevel level, std::string_view event, std::string_view message, LogFields fields) {
    if (!log_enabled(level)) return;
    log_always(level, event, message, {fields.begin(), fields.size()});
}

void log_always(LogLevel level, std::string_view event, std::string_view message,
                std::span<const LogField> fields) {
    tell_lost_lines();
    write_without_waiting(STDERR_FILENO, line_of(level, event, message, fields) + '\n');
}

std::string make_log_line(LogLevel level, std::string_view event, std::string_view message,
                          LogFields fields) {
    return line_of(level, event, message, {fields.begin(), fields.size()});
}

void log_start_failed(std::string_view problem) {
    if (log_format() == LogFormat::json) {
        log_error("start_failed", problem);
    } else {
        std::string line = the_log().config.program;
        line.append(": ").append(problem).append("\n");
        write_without_waiting(STDERR_FILENO, std::move(line));
    }
}

}  // namespace common
