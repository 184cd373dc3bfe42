#include "proxy/logging.hpp"

#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

namespace proxy {
namespace {

using common::LogLevel;

// zap's level names; those above error do not end anything here, and only error lines are written.
std::optional<LogLevel> level_of(const std::string& name) {
    if (name == "debug" || name == "DEBUG") return LogLevel::debug;
    if (name == "info" || name == "INFO") return LogLevel::info;
    if (name == "warn" || name == "WARN") return LogLevel::warning;
    static constexpr const char* severe[] = {"error", "ERROR", "dpanic", "DPANIC",
                                             "panic", "PANIC", "fatal",  "FATAL"};
    for (const char* word : severe) {
        if (name == word) return LogLevel::error;
    }
    return std::nullopt;
}

}  // namespace

LoggingChoice choose_logging(const std::string& zap_json, const std::string& level) {
    LoggingChoice choice;
    if (!zap_json.empty()) {
        const nlohmann::json json = nlohmann::json::parse(zap_json, nullptr, false);
        if (!json.is_object()) {
            choice.warning = "SERVING_LOGGING_CONFIG is not a JSON object, so it is not used";
        } else if (json.contains("level") && json["level"].is_string()) {
            choice.level = level_of(json["level"].get<std::string>()).value_or(choice.level);
        }
    }
    choice.level = level_of(level).value_or(choice.level);
    return choice;
}

void start_logging(const Config& config) {
    const LoggingChoice choice = choose_logging(config.logging_config, config.logging_level);
    const Identity& identity = config.identity;
    common::LogConfig log;
    log.level = choice.level;
    log.format = config.log_format;
    log.program = "queueproxy";
    log.fields = {{"commit", SLUICE_VERSION},
                  {"knative.dev/key", identity.namespace_name + "/" + identity.revision},
                  {"knative.dev/pod", identity.pod}};
    common::configure_log(std::move(log));
    if (!choice.warning.empty()) common::log_warning("config", choice.warning);
}

}  // namespace proxy
