// The activator as a part of Knative: its revisions and pods come from the API server, its
// settings from ConfigMaps, and a stock autoscaler hears its reports. (contract activator.md)
#pragma once

#include "activator/kubernetes/startup.hpp"
#include "common/net/address.hpp"

namespace activator::kubernetes {

struct KnativeOptions : ClusterOptions {
    // contract activator.md 1.3
    common::Address http{"", 8012, {}};
    common::Address h2c{"", 8013, {}};
    common::Address https{"", 8112, {}};  // with system-internal-tls only
};

// Reads the environment. Returns the exit code: 0 after a signal; 1 when something is wrong with
// the environment or could not start, or a second signal came. What is wrong goes to stderr, a line
// each.
int run_knative(const KnativeOptions& options);

}  // namespace activator::kubernetes
