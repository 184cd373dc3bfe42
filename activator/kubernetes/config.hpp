// The environment of an activator in a Knative cluster (contract activator.md 1.1): the stock
// variables with their defaults, and two of ours.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/config/env.hpp"
#include "common/config/metrics_tls.hpp"
#include "common/config/tls_settings.hpp"
#include "common/core/time.hpp"

namespace activator::kubernetes {

struct Config {
    std::string pod_name;
    std::string pod_ip;
    std::string system_namespace;
    std::string cluster_domain;
    std::size_t idle_connections = 1000;  // of all pods together; 0: no limit
    std::size_t idle_connections_per_pod = 100;
    bool share_pods = false;  // SLUICE_SHARE_PODS; see ClusterSource
    common::Duration probe_timeout = std::chrono::milliseconds(300);
    common::Duration probe_period = std::chrono::milliseconds(200);
    std::string logging_map = "config-logging";
    std::string observability_map = "config-observability";
    std::string kubernetes_min_version = "v1.34.0";
    std::string kubeconfig;              // empty: in the cluster
    common::HostPort api;                // KUBERNETES_SERVICE_HOST and _PORT; empty host: not set
    common::HostPort metrics{"", 9090};  // listens only if config-observability says prometheus
    std::optional<common::MetricsTls> metrics_tls;
    common::TlsSettings tls;  // of port 8112
    // SLUICE_AUTOSCALER_ADDRESS, or autoscaler.<namespace>.svc.<domain>:8080.
    common::HostPort autoscaler;
    // SLUICE_QUEUE_PROXY_IMAGE: what the webhook (standalone/) puts into pods.
    std::string queue_proxy_image;
};

struct ParsedConfig {
    Config config;                      // meaningless if there are problems
    std::vector<std::string> problems;  // one line each
};

// `resolv_conf`: the text of /etc/resolv.conf, or nothing if it cannot be read (CLUSTER_DOMAIN
// counts in either case; stock forgets it where the file is missing).
ParsedConfig parse_config(const common::Env& env, const std::optional<std::string>& resolv_conf);

// "v1.34.0" <= "v1.36.3-gke.1"; false for what is no version.
bool version_at_least(std::string_view version, std::string_view minimum);

}  // namespace activator::kubernetes
