// What a readiness probe of the application asks for (contract queue-proxy 4.2): the part of
// Kubernetes' Probe that a queue-proxy uses. Plain values; proxy/probe_json.hpp reads them.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/core/time.hpp"

namespace proxy {

// The host is always 127.0.0.1, whatever the JSON says: the application is in this pod.
struct HttpProbe {
    std::uint16_t port = 0;
    std::string path = "/";  // with its query, exactly one '/' added if it had none
    bool https = false;
    std::vector<std::pair<std::string, std::string>> headers;  // the user's, in their order
};
struct TcpProbe {
    std::uint16_t port = 0;
};
struct GrpcProbe {
    std::uint16_t port = 0;
    std::string service;
};
// `exec`, or a probe that names no handler: never passes (row 88). `reason` is for the log.
struct ImpossibleProbe {
    std::string reason;
};

struct ProbeSpec {
    std::variant<ImpossibleProbe, HttpProbe, TcpProbe, GrpcProbe> handler;
    // 0: aggressive; above: one try for each question, thresholds are the kubelet's business (4.3).
    common::Duration period{};
    // Of one try; at least 1 s if period > 0.
    common::Duration timeout{};
    std::uint32_t success_threshold = 1;
};

}  // namespace proxy
