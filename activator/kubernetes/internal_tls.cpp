#include "activator/kubernetes/internal_tls.hpp"

#include "common/log/log.hpp"

namespace activator::kubernetes {
namespace {

std::string value_of(const ConfigData& data, const std::string& key) {
    const auto it = data.find(key);
    return it == data.end() ? std::string() : it->second;
}

}  // namespace

std::string InternalTls::on_secret(const ConfigData& data) {
    std::string certificate = value_of(data, "tls.crt");
    std::string key = value_of(data, "tls.key");
    common::TlsContext::Made made = common::TlsContext::make(certificate, key, server_parameters_);
    if (!made.context) return made.error;
    server_ = std::move(made.context);
    certificate_ = std::move(certificate);
    key_ = std::move(key);
    secret_ca_ = value_of(data, "ca.crt");
    return rebuild_trust();
}

void InternalTls::on_bundle(const std::string& name, const ConfigData& data) {
    bundles_[name] = data;
    const std::string problem = rebuild_trust();
    if (!problem.empty()) common::log_error("trust_bundle", problem, {{"config_map", name}});
}

std::string InternalTls::rebuild_trust() {
    common::TlsClientParameters parameters;
    parameters.ca = secret_ca_;
    // Stock pods ask for none; ours do with SLUICE_TLS_CLIENT_CA_FILE.
    parameters.certificate = certificate_;
    parameters.key = key_;
    for (const auto& [name, data] : bundles_) {
        for (const auto& [key, pem] : data)
            parameters.ca += "\n" + pem;
    }
    common::TlsContext::Made made = common::TlsContext::make_client(parameters);
    if (made.context) client_ = std::move(made.context);
    return made.error;
}

common::TlsUse InternalTls::to_pods(const std::string& name_space) const {
    // Namespaces are lower case in Kubernetes.
    return {client_, {"data-plane.knative.dev", "kn-user-" + name_space}};
}

}  // namespace activator::kubernetes
