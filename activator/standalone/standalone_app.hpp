// `activator --standalone`: a gateway in a cluster without Knative. Deployments with the label are
// its services (workload_source.hpp), host names say which one is meant as in `sluice up`, and one
// of the activators scales them (leadership.hpp, scaling.hpp).
#pragma once

#include <string>

#include "activator/kubernetes/startup.hpp"
#include "common/net/address.hpp"

namespace activator::standalone {

struct StandaloneOptions : kubernetes::ClusterOptions {
    common::Address listen{"", 8012, {}};
    common::Address peers{"", 8014, {}};  // reports of other activators, and the kubelet
    std::string api_keys_file;            // empty: everybody may ask
};

// Reads the environment. Returns the exit code: 0 after a signal; 1 when something is wrong with
// the environment or could not start, or a second signal came. What is wrong goes to stderr.
int run_standalone(const StandaloneOptions& options);

}  // namespace activator::standalone
