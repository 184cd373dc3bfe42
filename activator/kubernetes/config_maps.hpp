// What the activator takes from Knative's ConfigMaps (contract activator.md 1.2). A value that
// means nothing is named in `problems`, and its default stands.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "activator/kubernetes/core/backends.hpp"
#include "common/config/observability_config.hpp"
#include "common/log/log.hpp"

namespace activator::kubernetes {

using ConfigData = std::map<std::string, std::string>;

// Read once: a change needs a restart (row 62).
struct NetworkConfig {
    MeshMode mesh = MeshMode::automatic;
    bool passthrough = false;
    bool internal_tls = false;
    std::vector<std::string> problems;
    friend bool operator==(const NetworkConfig&, const NetworkConfig&) = default;
};
NetworkConfig read_network_config(const ConfigData& data);

// loglevel.activator, or else zap-logger-config's level.
common::LogLevel read_log_level(const ConfigData& data);

struct ActivatorObservability {
    // At start only.
    common::ObservabilityConfig::RequestMetrics metrics;
    common::ObservabilityConfig::Tracing tracing;
    bool request_log = false;
    std::string request_log_template{common::default_request_log_template};
    std::vector<std::string> problems;
};
ActivatorObservability read_observability(const ConfigData& data);

}  // namespace activator::kubernetes
