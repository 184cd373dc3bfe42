// What a pod of a service runs: its PodSpec for a runtime, and the environment of its queue-proxy.
//
// Everything that differs between the pods of a revision (ports, pod name, GPUs) is the runtime's;
// the readiness probe depends on the pod's port, so it has a function of its own.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "sluice/pods/runtime.hpp"
#include "sluice/service/service_file.hpp"

namespace sluice {

// What the queue-proxy of every pod of `service` is told (contract queue-proxy.md 1.2), but for
// what differs from pod to pod and which the runtime adds: ports, SERVING_POD, SERVING_POD_IP and
// SERVING_READINESS_PROBE.
std::map<std::string, std::string> queue_proxy_env(const ServiceSpec& service);

// SERVING_READINESS_PROBE for a pod whose application listens on `app_port`.
std::string readiness_probe_json(const ServiceSpec& service, std::uint16_t app_port);

// The whole PodSpec of the pod `pod_name`.
PodSpec make_pod_spec(const ServiceSpec& service, const std::string& pod_name);

}  // namespace sluice
