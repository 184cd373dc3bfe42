// The activator as a part of Knative: its revisions and pods come from the API server, its
// settings from ConfigMaps, and a stock autoscaler hears its reports. (contract activator.md)
#pragma once

#include <optional>
#include <string>

#include "activator/client_limits.hpp"
#include "activator/kubernetes/config.hpp"
#include "activator/log_flags.hpp"
#include "common/net/address.hpp"

namespace activator::kubernetes {

struct KnativeOptions {
    // contract activator.md 1.3
    common::Address http{"", 8012, {}};
    common::Address h2c{"", 8013, {}};
    common::Address https{"", 8112, {}};   // with system-internal-tls only
    std::optional<common::Address> admin;  // status and metrics; not set: none
    std::string admin_token_file;          // see admin_door.hpp
    ClientLimits client_limits;
    LogOptions log;
    common::Duration drain_delay = std::chrono::seconds(45);
};

// Reads the environment. Returns the exit code: 0 after a signal; 1 when something is wrong with
// the environment or could not start, or a second signal came. What is wrong goes to stderr, a line
// each.
int run_knative(const KnativeOptions& options);

}  // namespace activator::kubernetes
