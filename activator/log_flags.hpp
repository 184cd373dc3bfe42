// What is logged and how, as the command line or the environment says it; the same for `activator`
// and `sluice up`.
#pragma once

#include "common/log/access_log.hpp"
#include "common/log/log.hpp"

namespace CLI {
class App;
}

namespace activator {

struct LogOptions {
    common::LogFormat format = common::LogFormat::json;
    common::AccessLog access = common::AccessLog::errors;
};

// --log-format (SLUICE_LOG_FORMAT) and --access-log (SLUICE_ACCESS_LOG); what `options` holds is
// the default. It outlives `command`.
void add_flags(CLI::App& command, LogOptions& options);

}  // namespace activator
