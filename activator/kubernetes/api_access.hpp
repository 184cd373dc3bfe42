// Where the API server is, and by what it knows us: from inside a cluster, or from a kubeconfig.
#pragma once

#include <string>

#include "common/config/read_file.hpp"
#include "common/core/parse.hpp"

namespace activator::kubernetes {

struct ApiAccess {
    common::HostPort host;
    bool tls = true;
    // PEM. A CA file is read again for each connection, as is a token file: both rotate.
    std::string ca;
    std::string ca_file;
    std::string certificate;
    std::string key;
    std::string token;
    std::string token_file;
};

struct FoundAccess {
    ApiAccess access;
    std::string problem;  // one line; empty: good
};

// contract activator.md 9: token and CA of the pod's service account.
inline constexpr const char* service_account_folder =
    "/var/run/secrets/kubernetes.io/serviceaccount";
FoundAccess in_cluster_access(const common::HostPort& api, const std::string& folder,
                              const common::ReadFile& read = common::read_file);

// The current context of a kubeconfig: server (http or https), certificate-authority(-data),
// token, tokenFile, client-certificate(-data) and client-key(-data). Files are relative to the
// kubeconfig's folder. What would need another program (exec, auth-provider) is refused.
FoundAccess kubeconfig_access(const std::string& path,
                              const common::ReadFile& read = common::read_file);

}  // namespace activator::kubernetes
