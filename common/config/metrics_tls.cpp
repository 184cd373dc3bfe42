#include "common/config/metrics_tls.hpp"

#include <utility>

#include "common/config/read_file.hpp"

namespace common {

std::optional<MetricsTls> read_metrics_tls(EnvReader& env) {
    using Auth = TlsParameters::ClientAuth;
    MetricsTls tls;
    tls.certificate_file = env.text("METRICS_PROMETHEUS_TLS_CERT");
    tls.key_file = env.text("METRICS_PROMETHEUS_TLS_KEY");
    tls.client_ca_file = env.text("METRICS_PROMETHEUS_TLS_CLIENT_CA_FILE");
    const std::string auth =
        env.choice("METRICS_PROMETHEUS_TLS_CLIENT_AUTH", "none", {"none", "optional", "require"});
    if (tls.certificate_file.empty() != tls.key_file.empty()) {
        env.report("METRICS_PROMETHEUS_TLS_CERT",
                   "and METRICS_PROMETHEUS_TLS_KEY must come together");
        return std::nullopt;
    }
    if (auth == "optional") tls.client_auth = Auth::optional;
    if (auth == "require") tls.client_auth = Auth::require;
    if (tls.client_auth != Auth::none &&
        (tls.certificate_file.empty() || tls.client_ca_file.empty())) {
        env.report("METRICS_PROMETHEUS_TLS_CLIENT_AUTH",
                   "'" + auth +
                       "' needs METRICS_PROMETHEUS_TLS_CERT, _TLS_KEY and "
                       "_TLS_CLIENT_CA_FILE");
    }
    if (tls.certificate_file.empty()) return std::nullopt;
    tls.settings = read_tls_settings(env, "METRICS_PROMETHEUS_TLS_");
    return tls;
}

TlsContext::Made make_metrics_context(const MetricsTls& tls) {
    TlsParameters parameters = to_parameters(tls.settings);
    parameters.client_ca_file = tls.client_ca_file;
    parameters.client_auth = tls.client_auth;
    return TlsContext::make(read_file(tls.certificate_file).value_or(""),
                            read_file(tls.key_file).value_or(""), parameters);
}

}  // namespace common
