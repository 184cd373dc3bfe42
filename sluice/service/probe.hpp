// A container's readinessProbe: what the service file says, and the JSON that the queue-proxy gets
// (SERVING_READINESS_PROBE, contract queue-proxy.md 4.2).
//
// A probe that names the container's port follows the pod's real port; any other port stays.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace sluice {

struct ReadinessProbe {
    enum class Kind : std::uint8_t { tcp, http, grpc, exec };
    Kind kind = Kind::tcp;
    // 0 = the container's port (unset, or named it by number or name).
    std::uint16_t fixed_port = 0;
    std::string path;                                          // http
    std::string scheme;                                        // http: HTTP or HTTPS
    std::vector<std::pair<std::string, std::string>> headers;  // http
    std::string grpc_service;
    std::int64_t initial_delay_seconds = 0;
    std::int64_t timeout_seconds = 0;
    std::int64_t period_seconds = 0;  // 0 = the queue-proxy's fast retries
    std::int64_t success_threshold = 1;
    std::int64_t failure_threshold = 0;
    friend bool operator==(const ReadinessProbe&, const ReadinessProbe&) = default;
};

// The port that the container says it has.
struct ContainerPort {
    std::uint16_t number = 8080;  // Knative's default
    std::string name;             // "", "http1" or "h2c"
    friend bool operator==(const ContainerPort&, const ContainerPort&) = default;
};

// The probe for a pod whose application listens on `app_port`, with the controller's defaults. An
// exec probe becomes a TCP probe of the port.
std::string readiness_probe_json(const ReadinessProbe& probe, std::uint16_t app_port);

}  // namespace sluice
