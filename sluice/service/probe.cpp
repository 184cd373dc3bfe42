#include "sluice/service/probe.hpp"

#include <nlohmann/json.hpp>

namespace sluice {
namespace {

// {"tcpSocket": {...}}, with the port and Knative's host.
nlohmann::ordered_json action_json(const ReadinessProbe& probe, std::uint16_t port) {
    using Json = nlohmann::ordered_json;
    Json action = Json::object();
    const bool is_http = probe.kind == ReadinessProbe::Kind::http;
    const bool is_grpc = probe.kind == ReadinessProbe::Kind::grpc;
    if (is_http) action["path"] = probe.path;
    action["port"] = port;
    if (is_grpc) {
        action["service"] = probe.grpc_service;
    } else {
        action["host"] = "127.0.0.1";
    }
    if (is_http) action["scheme"] = probe.scheme;
    for (const auto& [name, value] : probe.headers) {
        Json header = Json::object();
        header["name"] = name;
        header["value"] = value;
        action["httpHeaders"].push_back(std::move(header));
    }
    Json probe_json = Json::object();
    probe_json[is_http ? "httpGet" : is_grpc ? "grpc" : "tcpSocket"] = std::move(action);
    return probe_json;
}

}  // namespace

std::string readiness_probe_json(const ReadinessProbe& probe, std::uint16_t app_port) {
    auto json = action_json(probe, probe.fixed_port != 0 ? probe.fixed_port : app_port);
    // timeoutSeconds is at least 1 when there is a period (contract 4.2).
    const auto timeout = probe.period_seconds > 0 && probe.timeout_seconds < 1
                             ? std::int64_t{1}
                             : probe.timeout_seconds;
    const auto put = [&](const char* name, std::int64_t value) {
        if (value != 0) json[name] = value;  // as Go's omitempty
    };
    put("initialDelaySeconds", probe.initial_delay_seconds);
    put("timeoutSeconds", timeout);
    put("periodSeconds", probe.period_seconds);
    put("successThreshold", probe.success_threshold);
    put("failureThreshold", probe.failure_threshold);
    return json.dump();
}

}  // namespace sluice
