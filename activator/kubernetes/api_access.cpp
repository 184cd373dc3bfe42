#include "activator/kubernetes/api_access.hpp"

#include <optional>
#include <stdexcept>
#include <string_view>

#include <yaml-cpp/yaml.h>

#include "common/crypto/digests.hpp"

namespace activator::kubernetes {
namespace {

// Thrown and caught in this file: a kubeconfig has many places to fail.
class BadKubeconfig : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

class Kubeconfig {
  public:
    Kubeconfig(const std::string& path, const common::ReadFile& read) : read_(read) {
        const std::size_t slash = path.rfind('/');
        if (slash != std::string::npos) folder_ = path.substr(0, slash + 1);
        const std::optional<std::string> text = read(path);
        if (!text) throw BadKubeconfig("cannot be read");
        root_ = YAML::Load(*text);
    }

    ApiAccess access() {
        const std::string context_name = word(root_, "current-context");
        if (context_name.empty()) throw BadKubeconfig("has no current-context");
        const YAML::Node context = named("contexts", context_name, "context");
        const YAML::Node cluster = named("clusters", word(context, "cluster"), "cluster");
        const YAML::Node user = named("users", word(context, "user"), "user");
        ApiAccess access;
        read_server(cluster, access);
        read_user(user, access);
        return access;
    }

  private:
    static std::string word(const YAML::Node& node, const char* key) {
        if (!node.IsMap() || !node[key] || !node[key].IsScalar()) return {};
        return node[key].Scalar();
    }

    YAML::Node named(const char* list, const std::string& name, const char* kind) {
        for (const YAML::Node& entry : root_[list]) {
            if (word(entry, "name") == name && entry[kind]) return entry[kind];
        }
        throw BadKubeconfig(std::string(list) + " has no '" + name + "'");
    }

    std::string path_of(const std::string& path) const {
        return path.starts_with('/') ? path : folder_ + path;
    }

    // `key`-data (base64) or the file that `key` names.
    std::string pem(const YAML::Node& node, const std::string& key) {
        const std::string data = word(node, (key + "-data").c_str());
        if (!data.empty()) {
            const std::optional<std::string> decoded = common::base64_decode(data);
            if (!decoded) throw BadKubeconfig(key + "-data is not base64");
            return *decoded;
        }
        const std::string file = word(node, key.c_str());
        if (file.empty()) return {};
        const std::optional<std::string> text = read_(path_of(file));
        if (!text) throw BadKubeconfig(key + ": " + file + " cannot be read");
        return *text;
    }

    void read_server(const YAML::Node& cluster, ApiAccess& access) {
        const std::string server = word(cluster, "server");
        const std::optional<common::HttpUrl> url = common::parse_http_url(server);
        if (!url || (!url->path.empty() && url->path != "/"))
            throw BadKubeconfig("server '" + server + "' is not http(s)://HOST[:PORT]");
        access.tls = url->tls;
        access.host = url->host;
        if (word(cluster, "insecure-skip-tls-verify") == "true")
            throw BadKubeconfig("insecure-skip-tls-verify is refused; name the CA");
        access.ca = pem(cluster, "certificate-authority");
        if (access.tls && access.ca.empty())
            throw BadKubeconfig("the cluster has no certificate-authority");
    }

    void read_user(const YAML::Node& user, ApiAccess& access) {
        for (const char* const other : {"exec", "auth-provider", "username"}) {
            if (user[other])
                throw BadKubeconfig(std::string("the user has ") + other +
                                    ": use token, tokenFile or client-certificate");
        }
        access.token = word(user, "token");
        const std::string file = word(user, "tokenFile");
        if (!file.empty()) access.token_file = path_of(file);
        access.certificate = pem(user, "client-certificate");
        access.key = pem(user, "client-key");
    }

    const common::ReadFile& read_;
    std::string folder_;
    YAML::Node root_;
};

}  // namespace

FoundAccess in_cluster_access(const common::HostPort& api, const std::string& folder,
                              const common::ReadFile& read) {
    FoundAccess found;
    found.access.host = api;
    found.access.ca_file = folder + "/ca.crt";
    found.access.token_file = folder + "/token";
    for (const std::string& file : {found.access.ca_file, found.access.token_file}) {
        if (!read(file)) found.problem = file + ": cannot be read";
    }
    return found;
}

FoundAccess kubeconfig_access(const std::string& path, const common::ReadFile& read) {
    FoundAccess found;
    try {
        found.access = Kubeconfig(path, read).access();
    } catch (const BadKubeconfig& wrong) {
        found.problem = path + ": " + wrong.what();
    } catch (const YAML::Exception& wrong) {
        found.problem = path + ": " + wrong.what();
    }
    return found;
}

}  // namespace activator::kubernetes
