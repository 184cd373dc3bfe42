// What a pod's two processes are started with: arguments and environment (issue: pods as processes;
// contract queue-proxy.md section 1).
//
// The application inherits sluice's own environment (on one machine people expect PATH, HOME,
// LD_LIBRARY_PATH and a virtualenv to work); over it come the service file's env, then what Knative
// sets. $(VAR) knows only the declared variables, as in Kubernetes, not the inherited ones.
//
// Pure but for std::function calls into the spec.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sluice/pods/pod_init.hpp"
#include "sluice/pods/runtime.hpp"

namespace sluice {

using EnvEntries = std::vector<std::pair<std::string, std::string>>;

// The declared environment: the file's, expanded, then PORT, K_SERVICE, K_REVISION,
// K_CONFIGURATION and HOSTNAME. The file's values may use these.
EnvEntries declared_env(const PodSpec& spec, std::uint16_t app_port);

// `texts` with $(VAR) replaced from `env`.
std::vector<std::string> expand_all(const std::vector<std::string>& texts, const EnvEntries& env);

// `inherited` (NAME=value, as in environ) with `entries` in place of what they name.
std::vector<std::string> merge_env(std::vector<std::string> inherited, const EnvEntries& entries);

// The value of `name` in `env` (NAME=value); empty when it is not there.
std::string env_value(const std::vector<std::string>& env, const std::string& name);

// sluice's own environment.
std::vector<std::string> own_env();

// The application's command, its path not yet looked up. `gpus` not empty: CUDA_VISIBLE_DEVICES.
Command app_command(const PodSpec& spec, std::uint16_t app_port,
                    const std::vector<std::string>& gpus);

// Ports of one queue-proxy, all on loopback.
struct QueueProxyPorts {
    std::uint16_t serving = 0;
    std::uint16_t tls = 0;
    std::uint16_t admin = 0;
};

// The queue-proxy in front of `app_port`. Beyond the contract it gets SLUICE_BIND_ADDRESS=127.0.0.1
// (instead of the wildcard) and ports of its own in place of the fixed 8022, 9090 and 9091, of
// which many would collide on one machine: SLUICE_ADMIN_PORT, and SLUICE_STATS_PORT and
// SLUICE_METRICS_PORT "0" = off unless the caller sets them.
Command queue_proxy_command(const PodSpec& spec, const std::string& program,
                            const QueueProxyPorts& ports, std::uint16_t app_port);

}  // namespace sluice
