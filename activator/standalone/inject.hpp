// What becomes of a pod that wants a queue-proxy: pod JSON in, pod JSON out. Pure.
//
// The queue-proxy comes last among the containers, with the environment of contract queue-proxy.md
// 1.2; the serving container's readiness probe moves into it (an exec probe stays, as only the
// kubelet can run it); every container waits with its end until the queue-proxy has drained; the
// grace period is long enough for a request that has just begun. A pod that has a queue-proxy
// already is left as it is: the webhook may be asked more than once.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "autoscaler/config.hpp"

namespace activator::standalone {

struct InjectSettings {
    std::string image;  // the queue-proxy's
    std::string name_space;
    std::string deployment;  // whose pod it is
    autoscaler::Config autoscaler;
};

struct Injected {
    // One line each: the field, what is wrong, what would be right. Not empty: the pod is as it
    // came.
    std::vector<std::string> problems;
    std::vector<std::string> warnings;
};
// Changes `pod`, a Pod or a Deployment's pod template.
Injected inject(nlohmann::json& pod, const InjectSettings& settings);

}  // namespace activator::standalone
