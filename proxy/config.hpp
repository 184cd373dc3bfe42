// What the queue-proxy was told: the environment of contract queue-proxy 1.2, our SLUICE_*
// variables, and the knobs, read once at start.
//
// All problems are found at once, one line each, naming the variable and its valid values. The
// program then ends with exit code 1, as stock does for a bad environment (contract 1.1, rows 92
// and 100), not with the 64 that our other programs use.
//
// Set by Knative's controller and ignored, as by stock: SYSTEM_NAMESPACE, HOST_IP, ROOT_CA.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/config/env.hpp"
#include "common/config/knobs.hpp"
#include "common/config/metrics_tls.hpp"
#include "common/config/observability_config.hpp"
#include "common/config/tls_settings.hpp"
#include "common/core/time.hpp"
#include "common/log/access_log.hpp"
#include "common/log/log_line.hpp"
#include "common/net/address.hpp"
#include "common/otlp/metric_settings.hpp"
#include "common/trace/trace_settings.hpp"
#include "proxy/core/admission.hpp"
#include "proxy/core/probe_spec.hpp"

namespace proxy {

// Who this pod is, for statistics, metrics, logs.
struct Identity {
    std::string namespace_name;
    std::string service;  // empty for a bare Configuration
    std::string configuration;
    std::string revision;
    std::string pod;     // the autoscaler's key for our statistics
    std::string pod_ip;  // request log only
    // OTel's k8s.pod.name and service.instance.id: POD_NAME, else HOSTNAME
    std::string instance;
    // OTEL_SERVICE_NAME, else service, configuration, revision, instance: the first not empty
    std::string otel_service;
};

struct Config {
    // --- The limit
    AdmissionLimits limits;
    common::OnDisconnect on_disconnect = common::OnDisconnect::finish;
    Duration slot_hold_max{};
    common::Knobs knobs;  // control paths, interrupt path

    // --- Addresses. The host is SLUICE_BIND_ADDRESS; empty = every address of the machine.
    common::Address serving;
    common::Address serving_tls;  // listened on only if there are certificates
    common::Address admin;
    std::optional<common::Address> stats;
    std::optional<common::Address> metrics;
    std::optional<common::Address> profiling;
    std::uint16_t user_port = 0;             // the application, always on 127.0.0.1
    std::optional<common::TlsSettings> tls;  // set if there are certificates
    std::string certificate_file;
    std::string key_file;
    std::string tls_client_ca_file;  // not empty: whoever calls the TLS port must be of this CA
    std::optional<common::MetricsTls> metrics_tls;

    // --- Times of a request (contract 3.4). Total: zero or less = every request gets 504 at once.
    Duration total_timeout{};
    Duration response_start_timeout{};  // 0 = off
    Duration idle_timeout{};            // 0 = off

    // --- Readiness
    std::vector<ProbeSpec> probes;    // all must pass; empty = always ready
    bool detect_http2_probe = false;  // ENABLE_HTTP2_AUTO_DETECTION

    // --- Observability
    Identity identity;
    common::ObservabilityConfig observability;
    std::string logging_config;  // zap JSON, may be empty; invalid JSON is a warning later
    std::string logging_level;   // overrides; a word that is no level is ignored
    common::LogFormat log_format = common::LogFormat::json;  // SLUICE_LOG_FORMAT
    common::TraceChoice traces;
    common::MetricChoice pushed_metrics;
    // SLUICE_ACCESS_LOG. Off: stock's own request log is the one that people know here.
    common::AccessLog access_log = common::AccessLog::off;

    // --- Drain (contract 5.1)
    Duration drain_quiet = std::chrono::seconds(30);

    // Clients of the serving port at once; never more than open files allow.
    std::size_t connections_max = 20'000;

    // --- Bounds of contract 2 and 3.10, not configurable
    std::size_t request_head_limit = (std::size_t{1} << 20) + 4096;
    std::size_t response_head_limit = std::size_t{10} << 20;
    Duration read_head_timeout = std::chrono::seconds(60);
    Duration backend_idle_timeout = std::chrono::seconds(90);
    std::size_t backend_idle_connections = 1000;  // the limit, or this without one
};

// What load_config needs to know of the file system (contract 9; issue 3).
struct ConfigFiles {
    bool certificates = false;  // both tls.crt and tls.key exist in certificate_directory
    std::string certificate_directory = "/var/lib/knative/certs";
    std::string podinfo;  // text of /etc/podinfo/annotations, or empty
};

using ConfigProblems = std::vector<std::string>;  // never empty

struct LoadedConfig {
    std::variant<Config, ConfigProblems> result;
    std::vector<std::string> warnings;  // ignored settings, for the log
};

LoadedConfig load_config(const common::Env& env, const ConfigFiles& files = {});

}  // namespace proxy
