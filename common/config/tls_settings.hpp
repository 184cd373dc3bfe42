// Which TLS versions, cipher suites and curves a server port offers (contract queue-proxy 1.2,
// QUEUE_PROXY_TLS_*, ACTIVATOR_TLS_* and METRICS_PROMETHEUS_TLS_*). Go's names come in, OpenSSL's
// go out. Plain values: nothing here touches OpenSSL.
//
// Stock refuses an explicit TLS 1.2 cipher list without AES_128_GCM_SHA256 because of Go's HTTP/2
// server; that accident is not copied.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/config/env.hpp"
#include "common/net/tls_config.hpp"

namespace common {

enum class TlsVersion : std::uint8_t { tls12, tls13 };

struct TlsSettings {
    TlsVersion min = TlsVersion::tls13;
    TlsVersion max = TlsVersion::tls13;
    // OpenSSL's names joined with ':', TLS 1.2 suites only; empty: OpenSSL's default.
    std::string cipher_list;
    // OpenSSL's group names joined with ':'; empty: OpenSSL's default.
    std::string groups;
};

// Reads <prefix>MIN_VERSION, MAX_VERSION, CIPHER_SUITES, CURVE_PREFERENCES; reports to `env`.
TlsSettings read_tls_settings(EnvReader& env, std::string_view prefix);

// Without client certificates.
TlsParameters to_parameters(const TlsSettings& settings);

}  // namespace common
