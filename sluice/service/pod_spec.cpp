#include "sluice/service/pod_spec.hpp"

#include <utility>

namespace sluice {

std::map<std::string, std::string> queue_proxy_env(const ServiceSpec& service) {
    auto env = common::knobs_to_env(service.knobs);
    env["CONTAINER_CONCURRENCY"] = std::to_string(service.container_concurrency);
    env["REVISION_TIMEOUT_SECONDS"] = std::to_string(service.timeout_seconds);
    env["REVISION_RESPONSE_START_TIMEOUT_SECONDS"] =
        std::to_string(service.response_start_timeout_seconds);
    env["REVISION_IDLE_TIMEOUT_SECONDS"] = std::to_string(service.idle_timeout_seconds);
    env["SERVING_NAMESPACE"] = service.name_space;
    env["SERVING_SERVICE"] = service.name;
    env["SERVING_CONFIGURATION"] = service.name;
    env["SERVING_REVISION"] = service.revision;
    env["SERVING_LOGGING_CONFIG"] = "";
    env["SERVING_LOGGING_LEVEL"] = "";
    if (service.full_duplex) env["ENABLE_HTTP_FULL_DUPLEX"] = "true";
    return env;
}

std::string readiness_probe_json(const ServiceSpec& service, std::uint16_t app_port) {
    return readiness_probe_json(service.container.readiness, app_port);
}

PodSpec make_pod_spec(const ServiceSpec& service, const std::string& pod_name) {
    PodSpec spec;
    spec.name = pod_name;
    spec.image = service.container.image;
    spec.command = service.container.command;
    spec.args = service.container.args;
    spec.env = service.container.env;
    spec.working_dir = service.container.working_dir;
    spec.container_port = service.container.port.number;
    spec.gpus = service.container.gpus;
    spec.termination_grace = std::chrono::seconds(service.termination_grace_seconds);
    spec.queue_proxy_env = queue_proxy_env(service);
    spec.readiness_probe = [probe = service.container.readiness](std::uint16_t app_port) {
        return readiness_probe_json(probe, app_port);
    };
    return spec;
}

}  // namespace sluice
