#include "proxy/config.hpp"

#include <arpa/inet.h>

#include <utility>

#include "common/core/parse.hpp"
#include "proxy/probe_json.hpp"

namespace proxy {

namespace {

using common::EnvReader;
using std::chrono::seconds;

// Stock's ports are strings that may also name a service; numbers are all that anybody writes.
std::optional<std::uint16_t> port_of(std::string_view text, std::int64_t min) {
    const auto number = common::parse_int(text);
    if (!number || *number < min || *number > 65535) return std::nullopt;
    return static_cast<std::uint16_t>(*number);
}

std::uint16_t required_port(EnvReader& env, const char* name) {
    const std::size_t problems = env.problems().size();
    const std::string text = env.required_text(name);
    if (env.problems().size() > problems) return 0;
    const auto port = port_of(text, 1);
    if (!port) env.report(name, "'" + text + "' is not a port number from 1 to 65535");
    return port.value_or(0);
}

// 0 switches the port off.
std::uint16_t optional_port(EnvReader& env, const char* name, std::int64_t fallback,
                            std::int64_t min) {
    return static_cast<std::uint16_t>(env.integer(name, fallback, min, 65535));
}

// More than any request takes.
constexpr std::int64_t year_seconds = std::int64_t{365} * 24 * 3600;

Duration seconds_of(EnvReader& env, const char* name) {
    // Below zero means off, as zero does.
    const std::int64_t value = env.integer(name, 0, INT32_MIN, year_seconds);
    return seconds(value < 0 ? 0 : value);
}

bool is_numeric_host(const std::string& host) {
    unsigned char buffer[sizeof(in6_addr)];
    return inet_pton(AF_INET, host.c_str(), buffer) == 1 ||
           inet_pton(AF_INET6, host.c_str(), buffer) == 1;
}

std::string read_bind_host(EnvReader& env) {
    std::string host = env.text("SLUICE_BIND_ADDRESS");
    if (!host.empty() && !is_numeric_host(host)) {
        env.report("SLUICE_BIND_ADDRESS",
                   "'" + host + "' is not a numeric IP address (empty: every address)");
    }
    return host;
}

void read_limit(EnvReader& env, Config& config) {
    const std::int64_t concurrency =
        env.required_integer("CONTAINER_CONCURRENCY", INT32_MIN, INT32_MAX);
    config.limits = AdmissionLimits::of_container_concurrency(concurrency);
    if (config.limits.concurrency > 0) config.backend_idle_connections = config.limits.concurrency;
    config.total_timeout =
        seconds(env.required_integer("REVISION_TIMEOUT_SECONDS", INT32_MIN, year_seconds));
    config.response_start_timeout = seconds_of(env, "REVISION_RESPONSE_START_TIMEOUT_SECONDS");
    config.idle_timeout = seconds_of(env, "REVISION_IDLE_TIMEOUT_SECONDS");
    config.drain_quiet = env.duration("SLUICE_DRAIN_QUIET", seconds(30));
}

void read_knobs(EnvReader& env, const common::Env& source, const ConfigFiles& files,
                LoadedConfig& loaded, Config& config) {
    common::KnobsResult read = common::knobs_from_env(source, files.podinfo);
    for (const common::KnobProblem& problem : read.problems) {
        if (problem.is_error) {
            env.report(problem.annotation, problem.message);
        } else {
            loaded.warnings.push_back(problem.annotation + ": " + problem.message);
        }
    }
    config.knobs = std::move(read.knobs);
    config.limits.control = config.knobs.control_limit;
    const auto concurrency = static_cast<std::int64_t>(config.limits.concurrency);
    config.on_disconnect = common::on_disconnect_for(config.knobs, concurrency);
    config.slot_hold_max = config.knobs.slot_hold_max.value_or(config.total_timeout);
}

void read_listeners(EnvReader& env, const ConfigFiles& files, Config& config) {
    const std::string host = read_bind_host(env);
    const auto address = [&](std::uint16_t port) {
        return common::Address{.host = host, .port = port, .unix_path = {}};
    };
    config.serving = address(required_port(env, "QUEUE_SERVING_PORT"));
    // Required, but of no meaning without certificates; empty is 8112 then and now.
    const std::string tls_port = env.required_text("QUEUE_SERVING_TLS_PORT");
    const auto tls = port_of(tls_port.empty() ? "8112" : tls_port, 1);
    if (!tls && files.certificates) {
        env.report("QUEUE_SERVING_TLS_PORT",
                   "'" + tls_port + "' is not a port number from 1 to 65535");
    }
    config.serving_tls = address(tls.value_or(8112));
    config.user_port = required_port(env, "USER_PORT");
    config.connections_max =
        static_cast<std::size_t>(env.integer("SLUICE_MAX_CONNECTIONS", 20'000, 1, 1'000'000));
    config.admin = address(optional_port(env, "SLUICE_ADMIN_PORT", 8022, 1));
    const std::uint16_t stats = optional_port(env, "SLUICE_STATS_PORT", 9090, 0);
    if (stats != 0) config.stats = address(stats);
    if (files.certificates) {
        config.tls = common::read_tls_settings(env, "QUEUE_PROXY_TLS_");
        config.certificate_file = files.certificate_directory + "/tls.crt";
        config.key_file = files.certificate_directory + "/tls.key";
        config.tls_client_ca_file = env.text("SLUICE_TLS_CLIENT_CA_FILE");
    }
    if (config.observability.profiling) {
        config.profiling = address(optional_port(env, "PROFILING_PORT", 8008, 1));
    }
}

// Who listens for Prometheus: SLUICE_METRICS_PORT beats METRICS_PROMETHEUS_* beats
// requestMetrics.endpoint. Stock's default is off (protocol `none`); SLUICE_METRICS_PORT alone
// switches it on.
void read_metrics(EnvReader& env, const common::Env& source, Config& config) {
    const auto& metrics = config.observability.request_metrics;
    common::Address listen{.host = config.serving.host, .port = 9091, .unix_path = {}};
    bool is_on = metrics.protocol == common::MetricsProtocol::prometheus;
    if (is_on && !metrics.endpoint.empty()) {
        const auto endpoint = common::parse_host_port(metrics.endpoint);
        if (!endpoint || (!endpoint->host.empty() && !is_numeric_host(endpoint->host))) {
            env.report("OBSERVABILITY_CONFIG", "requestMetrics.endpoint: '" + metrics.endpoint +
                                                   "' is not a numeric host:port");
        } else {
            if (!endpoint->host.empty()) listen.host = endpoint->host;
            listen.port = endpoint->port;
        }
    }
    const std::string host = env.text("METRICS_PROMETHEUS_HOST");
    if (!host.empty() && !is_numeric_host(host)) {
        env.report("METRICS_PROMETHEUS_HOST", "'" + host + "' is not a numeric IP address");
    }
    if (!host.empty()) listen.host = host;
    listen.port = static_cast<std::uint16_t>(
        env.integer("METRICS_PROMETHEUS_PORT", listen.port, 1024, 65535));
    if (source.get("SLUICE_METRICS_PORT")) {
        listen.port = optional_port(env, "SLUICE_METRICS_PORT", 9091, 0);
        is_on = listen.port != 0;
    }
    if (!is_on) return;
    config.metrics = listen;
    config.metrics_tls = common::read_metrics_tls(env);
}

void read_probes(EnvReader& env, Config& config) {
    const bool is_array = env.boolean("ENABLE_MULTI_CONTAINER_PROBES", false);
    ParsedProbes parsed = parse_probes(env.text("SERVING_READINESS_PROBE"), is_array);
    for (const std::string& problem : parsed.problems) {
        env.report("SERVING_READINESS_PROBE", problem);
    }
    config.probes = std::move(parsed.probes);
    config.detect_http2_probe = env.boolean("ENABLE_HTTP2_AUTO_DETECTION", false);
    // Checked and without effect: this proxy always streams both ways (deviation D6).
    env.boolean("ENABLE_HTTP_FULL_DUPLEX", false);
}

void read_identity(EnvReader& env, Config& config) {
    Identity& identity = config.identity;
    identity.namespace_name = env.required_text("SERVING_NAMESPACE");
    identity.service = env.text("SERVING_SERVICE");
    identity.configuration = env.required_text("SERVING_CONFIGURATION");
    identity.revision = env.required_text("SERVING_REVISION");
    identity.pod = env.required_text("SERVING_POD");
    identity.pod_ip = env.required_text("SERVING_POD_IP");
    identity.instance = env.text("POD_NAME");
    if (identity.instance.empty()) identity.instance = env.text("HOSTNAME");
    for (const std::string& name : {env.text("OTEL_SERVICE_NAME"), identity.service,
                                    identity.configuration, identity.revision, identity.instance}) {
        if (identity.otel_service.empty()) identity.otel_service = name;
    }
    config.logging_config = env.required_text("SERVING_LOGGING_CONFIG");
    config.logging_level = env.required_text("SERVING_LOGGING_LEVEL");
    if (env.choice("SLUICE_LOG_FORMAT", "json", {"json", "text"}) == "text")
        config.log_format = common::LogFormat::text;
    config.access_log =
        common::parse_access_log(env.choice("SLUICE_ACCESS_LOG", "off", {"off", "errors", "all"}))
            .value_or(config.access_log);
}

void read_observability(EnvReader& env, Config& config) {
    auto parsed = common::parse_observability_config(env.text("OBSERVABILITY_CONFIG"));
    for (const std::string& problem : parsed.problems) {
        env.report("OBSERVABILITY_CONFIG", problem);
    }
    config.observability = std::move(parsed.config);
}

// The resource of its spans and metrics: what stock says of itself (contract 7, target_info).
void read_telemetry(const common::Env& env, Config& config) {
    const Identity& identity = config.identity;
    common::OtlpAttributes resource = {{"service.name", identity.otel_service},
                                       {"service.version", SLUICE_VERSION},
                                       {"service.instance.id", identity.instance},
                                       {"container.name", "queue-proxy"},
                                       {"k8s.namespace.name", identity.namespace_name},
                                       {"k8s.pod.name", identity.pod},
                                       {"kn.service.name", identity.service},
                                       {"kn.configuration.name", identity.configuration},
                                       {"kn.revision.name", identity.revision}};
    config.traces = common::read_trace_settings(env, config.observability.tracing, resource);
    config.pushed_metrics = common::read_metric_settings(env, config.observability.request_metrics,
                                                         std::move(resource));
}

}  // namespace

LoadedConfig load_config(const common::Env& env, const ConfigFiles& files) {
    LoadedConfig loaded;
    Config config;
    EnvReader reader(env);
    read_limit(reader, config);
    read_knobs(reader, env, files, loaded, config);
    read_observability(reader, config);
    read_listeners(reader, files, config);
    read_metrics(reader, env, config);
    read_probes(reader, config);
    read_identity(reader, config);
    read_telemetry(env, config);
    if (reader.problems().empty()) {
        loaded.result = std::move(config);
    } else {
        loaded.result = ConfigProblems(reader.problems());
    }
    return loaded;
}

}  // namespace proxy
