#include "activator/kubernetes/config.hpp"

#include <catch2/catch.hpp>

#include "activator/kubernetes/config_maps.hpp"

using namespace std::chrono_literals;
using namespace activator::kubernetes;

namespace {

common::MapEnv::Map stock_environment() {
    return {{"POD_NAME", "activator-1"},
            {"POD_IP", "10.0.0.9"},
            {"SYSTEM_NAMESPACE", "knative-serving"},
            {"KUBERNETES_SERVICE_HOST", "10.96.0.1"},
            {"KUBERNETES_SERVICE_PORT", "443"},
            {"GOGC", "500"}};
}

ParsedConfig parse(common::MapEnv::Map values, const char* resolv_conf = nullptr) {
    const common::MapEnv env(std::move(values));
    return parse_config(
        env, resolv_conf == nullptr ? std::nullopt : std::optional<std::string>(resolv_conf));
}

}  // namespace

TEST_CASE("environment: what a stock Deployment sets is enough") {
    const ParsedConfig parsed =
        parse(stock_environment(), "search ns.svc.cl.example svc.cl.example\n");
    REQUIRE(parsed.problems.empty());
    const Config& config = parsed.config;
    REQUIRE(config.pod_name == "activator-1");
    REQUIRE(config.cluster_domain == "cl.example");
    REQUIRE(config.probe_timeout == 300ms);
    REQUIRE(config.probe_period == 200ms);
    REQUIRE(config.idle_connections == 1000);
    REQUIRE(config.idle_connections_per_pod == 100);
    REQUIRE_FALSE(config.share_pods);
    REQUIRE_FALSE(config.metrics_tls);
    REQUIRE(config.autoscaler.host == "autoscaler.knative-serving.svc.cl.example");
    REQUIRE(config.autoscaler.port == 8080);
    REQUIRE(config.api.host == "10.96.0.1");
}

TEST_CASE("environment: everything that is wrong is said at once") {
    const ParsedConfig parsed = parse({{"PROBE_TIMEOUT", "0s"},
                                       {"PROBE_FREQUENCY", "often"},
                                       {"METRICS_PROMETHEUS_PORT", "80"},
                                       {"KUBERNETES_MIN_VERSION", "new"},
                                       {"METRICS_PROMETHEUS_TLS_CERT", "/some.crt"},
                                       {"SLUICE_SHARE_PODS", "perhaps"},
                                       {"MAX_IDLE_PROXY_CONNS", "many"},
                                       {"MAX_IDLE_PROXY_CONNS_PER_HOST", "-1"}});
    std::string all;
    for (const std::string& problem : parsed.problems)
        all += problem + "\n";
    for (const char* name :
         {"POD_NAME", "POD_IP", "SYSTEM_NAMESPACE", "PROBE_TIMEOUT", "PROBE_FREQUENCY",
          "METRICS_PROMETHEUS_PORT", "KUBERNETES_MIN_VERSION", "METRICS_PROMETHEUS_TLS_KEY",
          "SLUICE_SHARE_PODS", "MAX_IDLE_PROXY_CONNS:", "MAX_IDLE_PROXY_CONNS_PER_HOST",
          "KUBERNETES_SERVICE_HOST"}) {
        INFO(name << " in\n" << all);
        REQUIRE(all.find(name) != std::string::npos);
    }
    REQUIRE(parsed.problems.size() == 12);
}

TEST_CASE("environment: the domain may be set, with or without resolv.conf") {
    common::MapEnv::Map values = stock_environment();
    values["CLUSTER_DOMAIN"] = "set.example";
    values["SLUICE_AUTOSCALER_ADDRESS"] = "127.0.0.1:9000";
    REQUIRE(parse(values).config.cluster_domain == "set.example");
    REQUIRE(parse(values, "search svc.other\n").config.cluster_domain == "set.example");
    REQUIRE(parse(values).config.autoscaler == common::HostPort{"127.0.0.1", 9000});
    values.erase("CLUSTER_DOMAIN");
    REQUIRE(parse(values).config.cluster_domain == "cluster.local");
}

TEST_CASE("environment: versions of Kubernetes compare by number") {
    REQUIRE(version_at_least("v1.36.3-gke.100", "v1.34.0"));
    REQUIRE(version_at_least("v1.34.0", "v1.34.0"));
    REQUIRE_FALSE(version_at_least("v1.9.7", "v1.34.0"));
    REQUIRE_FALSE(version_at_least("", "v1.34.0"));
    REQUIRE_FALSE(version_at_least("v1.36", "v1.34.0"));
}

TEST_CASE("config-network: mesh, addressability, TLS") {
    REQUIRE(read_network_config({}).mesh == MeshMode::automatic);
    REQUIRE(read_network_config({{"mesh-compatibility-mode", "Enabled"}}).mesh ==
            MeshMode::enabled);
    REQUIRE(read_network_config({{"mesh-compatibility-mode", "disabled"}}).mesh ==
            MeshMode::disabled);
    REQUIRE(read_network_config({{"mesh-compatibility-mode", "?"}}).mesh == MeshMode::automatic);
    REQUIRE(read_network_config({{"enable-mesh-pod-addressability", "true"}}).passthrough);
    REQUIRE(read_network_config({{"system-internal-tls", "Enabled"}}).internal_tls);
    REQUIRE(read_network_config({{"internal-encryption", "true"}}).internal_tls);
    // The new key has the last word.
    REQUIRE_FALSE(
        read_network_config({{"internal-encryption", "true"}, {"system-internal-tls", "disabled"}})
            .internal_tls);
    REQUIRE(read_network_config({{"system-internal-tls", "on"}}).problems.size() == 1);
}

TEST_CASE("config-logging: the activator's level, or zap's") {
    REQUIRE(read_log_level({}) == common::LogLevel::info);
    REQUIRE(read_log_level({{"loglevel.activator", "debug"}}) == common::LogLevel::debug);
    REQUIRE(read_log_level({{"zap-logger-config", R"({"level": "error"})"}}) ==
            common::LogLevel::error);
    REQUIRE(read_log_level({{"zap-logger-config", "{"}}) == common::LogLevel::info);
}

TEST_CASE("config-observability: flat keys of the ConfigMap") {
    using common::MetricsProtocol;
    REQUIRE(read_observability({}).metrics.protocol == MetricsProtocol::unset);
    REQUIRE(read_observability({{"metrics-protocol", "prometheus"}}).metrics.protocol ==
            MetricsProtocol::prometheus);
    const ActivatorObservability pushed = read_observability({{"metrics-protocol", "grpc"},
                                                              {"metrics-endpoint", "http://c:4317"},
                                                              {"metrics-export-interval", "30s"}});
    REQUIRE(pushed.problems.empty());
    REQUIRE(pushed.metrics.protocol == MetricsProtocol::grpc);
    REQUIRE(pushed.metrics.endpoint == "http://c:4317");
    REQUIRE(pushed.metrics.export_interval == std::chrono::seconds(30));
    const ActivatorObservability unknown =
        read_observability({{"metrics-protocol", "statsd"}, {"metrics-export-interval", "30"}});
    REQUIRE(unknown.metrics.protocol == MetricsProtocol::none);
    REQUIRE(unknown.problems ==
            std::vector<std::string>{
                "metrics-protocol: 'statsd' is not none, prometheus, http/protobuf or grpc",
                "metrics-export-interval: '30' is not a duration like 30s or 1m: 60s is used"});
    const ActivatorObservability logs =
        read_observability({{"logging.enable-request-log", "true"},
                            {"logging.request-log-template", "{{.Response.Code}}"}});
    REQUIRE(logs.request_log);
    REQUIRE(logs.request_log_template == "{{.Response.Code}}");
    REQUIRE(read_observability({{"logging.enable-request-log", "yes"}}).problems.size() == 1);
    using common::TracingProtocol;
    REQUIRE(read_observability({}).tracing.protocol == TracingProtocol::unset);
    const ActivatorObservability traced =
        read_observability({{"tracing-protocol", "http/protobuf"},
                            {"tracing-endpoint", "http://c:4318/v1/traces"},
                            {"tracing-sampling-rate", "0.25"}});
    REQUIRE(traced.problems.empty());
    REQUIRE(traced.tracing.protocol == TracingProtocol::http_protobuf);
    REQUIRE(traced.tracing.endpoint == "http://c:4318/v1/traces");
    REQUIRE(traced.tracing.sampling_rate == .25);
    const ActivatorObservability wrong =
        read_observability({{"tracing-protocol", "zipkin"}, {"tracing-sampling-rate", "2"}});
    REQUIRE(wrong.problems.size() == 2);
    REQUIRE(wrong.tracing.protocol == TracingProtocol::none);
}
