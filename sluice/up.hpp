// `sluice up FILE`: serves what a service file describes, on this machine, until it is told to
// stop.
#pragma once

#include <string>

#include "activator/client_limits.hpp"
#include "activator/client_tls.hpp"
#include "activator/log_flags.hpp"
#include "common/net/address.hpp"

namespace sluice {

struct UpOptions {
    std::string file;
    common::Address listen{"127.0.0.1", 8080, {}};
    common::Address admin{"127.0.0.1", 8081, {}};
    std::string runtime = "process";  // or "docker"
    std::string gpus;                 // see parse_gpus()
    std::string log_directory;
    std::string api_keys_file;     // empty: everybody may ask
    std::string admin_token_file;  // empty: none, if only this machine can reach the admin port
    std::string handover_file;     // Unix socket (activator/handover.hpp); empty: none
    activator::ClientLimits client_limits;
    activator::ClientTls client_tls;
    activator::LogOptions log{common::LogFormat::text, common::AccessLog::errors};
    std::string program;  // argv[0]: queue-proxy is looked for beside it
};

// Prints to stdout what people want to see, to stderr what is wrong. Returns the exit code: 0 after
// SIGINT or SIGTERM, 1 when something could not start (nothing is left running then), 64 for wrong
// options.
int run_up(const UpOptions& options);

}  // namespace sluice
