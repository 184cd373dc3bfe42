#include "activator/log_flags.hpp"

#include <string>

#include <CLI/CLI.hpp>

namespace activator {

void add_flags(CLI::App& command, LogOptions& options) {
    const bool text = options.format == common::LogFormat::text;
    command
        .add_option_function<std::string>(
            "--log-format",
            [&options](const std::string& word) {
                options.format = word == "text" ? common::LogFormat::text : common::LogFormat::json;
            },
            std::string("A log line is: json, or text for people at a terminal (default: ") +
                (text ? "text)" : "json)"))
        ->check(CLI::IsMember({"json", "text"}))
        ->envname("SLUICE_LOG_FORMAT");
    command
        .add_option_function<std::string>(
            "--access-log",
            [&options](const std::string& word) {
                options.access = common::parse_access_log(word).value_or(options.access);
            },
            "Requests that are logged when they end: off, errors (from status 500 on, and "
            "answers that broke off), all (default: errors)")
        ->check(CLI::IsMember({"off", "errors", "all"}))
        ->envname("SLUICE_ACCESS_LOG");
}

}  // namespace activator
