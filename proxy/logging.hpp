// The process log as the operator configured it (contract queue-proxy 8.3): of the zap JSON only
// its level is used; an overriding level beats it.
#pragma once

#include <string>

#include "common/log/log.hpp"
#include "proxy/config.hpp"

namespace proxy {

struct LoggingChoice {
    common::LogLevel level = common::LogLevel::info;
    std::string warning;  // the JSON could not be read; the default stands
};

LoggingChoice choose_logging(const std::string& zap_json, const std::string& level);
// Sets the log of this process.
void start_logging(const Config& config);

}  // namespace proxy
