#include "activator/kubernetes/config.hpp"

#include <array>
#include <charconv>

#include "activator/kubernetes/core/cluster_domain.hpp"
#include "common/net/address.hpp"

namespace activator::kubernetes {
namespace {

constexpr std::int64_t connections_max = 1'000'000;
constexpr std::uint16_t autoscaler_port = 8080;  // contract activator.md 5.3

common::Duration probe_duration(common::EnvReader& env, std::string_view name,
                                common::Duration fallback) {
    const common::Duration read = env.duration(name, fallback);
    if (read <= common::Duration::zero()) env.report(name, "must be more than 0s, like 300ms");
    return read;
}

std::string domain(common::EnvReader& env, const std::optional<std::string>& resolv_conf) {
    std::string set = env.text("CLUSTER_DOMAIN");
    if (!set.empty()) return set;
    const std::string found = domain_of_resolv_conf(resolv_conf.value_or(""));
    return found.empty() ? "cluster.local" : found;
}

void read_kubernetes(common::EnvReader& env, Config& config) {
    config.kubernetes_min_version =
        env.text("KUBERNETES_MIN_VERSION", config.kubernetes_min_version);
    if (!version_at_least(config.kubernetes_min_version, "v0.0.0"))
        env.report("KUBERNETES_MIN_VERSION", "must be a version like v1.34.0");
    config.kubeconfig = env.text("KUBECONFIG");
    config.api.host = env.text("KUBERNETES_SERVICE_HOST");
    config.api.port =
        static_cast<std::uint16_t>(env.integer("KUBERNETES_SERVICE_PORT", 443, 1, 65535));
    if (config.kubeconfig.empty() && config.api.host.empty())
        env.report("KUBERNETES_SERVICE_HOST",
                   "not set, so this is no pod of a cluster: set KUBECONFIG to a file, or serve "
                   "pods from a file with --pods");
}

}  // namespace

ParsedConfig parse_config(const common::Env& source,
                          const std::optional<std::string>& resolv_conf) {
    common::EnvReader env(source);
    Config config;
    config.pod_name = env.required_text("POD_NAME");
    config.pod_ip = env.required_text("POD_IP");
    config.system_namespace = env.required_text("SYSTEM_NAMESPACE");
    config.cluster_domain = domain(env, resolv_conf);
    config.idle_connections =
        static_cast<std::size_t>(env.integer("MAX_IDLE_PROXY_CONNS", 1000, 0, connections_max));
    config.idle_connections_per_pod = static_cast<std::size_t>(
        env.integer("MAX_IDLE_PROXY_CONNS_PER_HOST", 100, 0, connections_max));
    config.probe_timeout = probe_duration(env, "PROBE_TIMEOUT", config.probe_timeout);
    config.probe_period = probe_duration(env, "PROBE_FREQUENCY", config.probe_period);
    config.logging_map = env.text("CONFIG_LOGGING_NAME", config.logging_map);
    config.observability_map = env.text("CONFIG_OBSERVABILITY_NAME", config.observability_map);
    config.metrics.host = env.text("METRICS_PROMETHEUS_HOST");
    config.metrics.port =
        static_cast<std::uint16_t>(env.integer("METRICS_PROMETHEUS_PORT", 9090, 1024, 65535));
    const std::string listen = config.metrics.host + ":" + std::to_string(config.metrics.port);
    if (!common::parse_address(listen))
        env.report("METRICS_PROMETHEUS_HOST", "must be an IP address to listen on");
    config.metrics_tls = common::read_metrics_tls(env);
    config.tls = common::read_tls_settings(env, "ACTIVATOR_TLS_");
    config.share_pods = env.boolean("SLUICE_SHARE_PODS", false);
    read_kubernetes(env, config);
    config.autoscaler = {"autoscaler." + config.system_namespace + ".svc." + config.cluster_domain,
                         autoscaler_port};
    if (const auto set = env.host_port("SLUICE_AUTOSCALER_ADDRESS")) config.autoscaler = *set;
    config.queue_proxy_image =
        env.text("SLUICE_QUEUE_PROXY_IMAGE", "sluice/queue-proxy:" SLUICE_VERSION);
    return {std::move(config), env.problems()};
}

bool version_at_least(std::string_view version, std::string_view minimum) {
    const auto numbers = [](std::string_view text) -> std::optional<std::array<int, 3>> {
        std::array<int, 3> parts{};
        if (text.starts_with('v')) text.remove_prefix(1);
        for (std::size_t i = 0; i < parts.size(); ++i) {
            if (i > 0 && !text.starts_with('.')) return std::nullopt;
            if (i > 0) text.remove_prefix(1);
            const auto read = std::from_chars(text.data(), text.data() + text.size(), parts[i]);
            if (read.ec != std::errc{} || parts[i] < 0) return std::nullopt;
            text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
        }
        return parts;
    };
    const auto have = numbers(version);
    const auto need = numbers(minimum);
    return have && need && *have >= *need;
}

}  // namespace activator::kubernetes
