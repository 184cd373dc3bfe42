// TLS of the port that Prometheus scrapes, as both programs are told of it
// (METRICS_PROMETHEUS_TLS_*, contracts queue-proxy.md 1.2 and activator.md 1.1).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/config/env.hpp"
#include "common/config/tls_settings.hpp"

namespace common {

struct MetricsTls {
    std::string certificate_file;
    std::string key_file;
    TlsParameters::ClientAuth client_auth = TlsParameters::ClientAuth::none;
    std::string client_ca_file;
    TlsSettings settings;
};

// Empty: the port speaks cleartext. Reports to `env`.
std::optional<MetricsTls> read_metrics_tls(EnvReader& env);

// Reads the files.
TlsContext::Made make_metrics_context(const MetricsTls& tls);

}  // namespace common
