// Certificates and trust of system-internal-tls (contract activator.md 1.4), as the Secret and the
// ConfigMaps have them now: our own port's certificate, and whose certificates pods may show.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "activator/kubernetes/config_maps.hpp"
#include "common/net/tls_config.hpp"

namespace activator::kubernetes {

inline constexpr const char* serving_certs_secret = "routing-serving-certs";
inline constexpr const char* trust_bundle_label = "networking.knative.dev/trust-bundle";

class InternalTls {
  public:
    explicit InternalTls(common::TlsParameters server) : server_parameters_(std::move(server)) {}

    // Returns "" or what is wrong; then what was there stays.
    std::string on_secret(const ConfigData& data);
    // A ConfigMap with the trust bundle's label; without data: it is gone.
    void on_bundle(const std::string& name, const ConfigData& data);

    std::shared_ptr<const common::TlsContext> server() const { return server_; }
    // For requests to the pods of a namespace.
    common::TlsUse to_pods(const std::string& name_space) const;

  private:
    std::string rebuild_trust();

    common::TlsParameters server_parameters_;
    std::shared_ptr<const common::TlsContext> server_;
    std::shared_ptr<const common::TlsContext> client_;
    std::string certificate_;  // of the Secret, our own: shown to pods that ask for one
    std::string key_;
    std::string secret_ca_;
    std::map<std::string, ConfigData> bundles_;
};

}  // namespace activator::kubernetes
