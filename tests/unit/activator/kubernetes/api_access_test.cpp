#include "activator/kubernetes/api_access.hpp"

#include <map>

#include <catch2/catch.hpp>

#include "activator/kubernetes/api_client.hpp"

using namespace activator::kubernetes;

namespace {

struct Files {
    std::map<std::string, std::string> texts;
    common::ReadFile reader() {
        return [this](const std::string& path) -> std::optional<std::string> {
            const auto it = texts.find(path);
            if (it == texts.end()) return std::nullopt;
            return it->second;
        };
    }
};

FoundAccess kubeconfig(const std::string& cluster, const std::string& user, Files files = {}) {
    files.texts["/etc/kube/config"] =
        "current-context: c\n"
        "contexts: [{name: c, context: {cluster: k, user: u}}]\n"
        "clusters: [{name: other, cluster: {}}, {name: k, cluster: {" +
        cluster + "}}]\nusers: [{name: u, user: {" + user + "}}]\n";
    return kubeconfig_access("/etc/kube/config", files.reader());
}

}  // namespace

TEST_CASE("access: a kubeconfig with a token and a CA in it") {
    const FoundAccess found = kubeconfig(
        "server: 'https://api.example:6443', certificate-authority-data: Y2E=", "token: t");
    REQUIRE(found.problem.empty());
    REQUIRE(found.access.tls);
    REQUIRE(found.access.host == common::HostPort{"api.example", 6443});
    REQUIRE(found.access.ca == "ca");
    REQUIRE(found.access.token == "t");
}

TEST_CASE("access: files beside the kubeconfig") {
    Files files;
    files.texts = {{"/etc/kube/ca.crt", "CA"}, {"/abs/c.crt", "C"}, {"/etc/kube/c.key", "K"}};
    const FoundAccess found =
        kubeconfig("server: 'https://[fd00::1]', certificate-authority: ca.crt",
                   "client-certificate: /abs/c.crt, client-key: c.key, tokenFile: t", files);
    REQUIRE(found.problem.empty());
    REQUIRE(found.access.host == common::HostPort{"fd00::1", 443});
    REQUIRE(found.access.ca == "CA");
    REQUIRE(found.access.certificate == "C");
    REQUIRE(found.access.key == "K");
    REQUIRE(found.access.token_file == "/etc/kube/t");
}

TEST_CASE("access: plain HTTP needs no CA") {
    const FoundAccess found = kubeconfig("server: 'http://127.0.0.1:8001/'", "");
    REQUIRE(found.problem.empty());
    REQUIRE_FALSE(found.access.tls);
    REQUIRE(found.access.host == common::HostPort{"127.0.0.1", 8001});
}

TEST_CASE("access: what cannot be used is told in one line") {
    const std::pair<FoundAccess, const char*> wrong[] = {
        {kubeconfig("server: 'https://a:1'", ""), "no certificate-authority"},
        {kubeconfig("server: 'ftp://a:1'", ""), "is not http(s)"},
        {kubeconfig("server: 'https://a:x'", ""), "is not http(s)"},
        {kubeconfig("server: 'https://a:1/path', certificate-authority-data: Y2E=", ""),
         "is not http(s)"},
        {kubeconfig("server: 'https://a:1', insecure-skip-tls-verify: true", ""), "name the CA"},
        {kubeconfig("server: 'https://a:1', certificate-authority-data: '?'", ""), "not base64"},
        {kubeconfig("server: 'https://a:1', certificate-authority: no", ""), "cannot be read"},
        {kubeconfig("server: 'http://a:1'", "exec: {command: x}"), "has exec"},
        {kubeconfig("server: [", ""), "/etc/kube/config: "},
        {kubeconfig_access("/no", Files{}.reader()), "/no: cannot be read"},
    };
    for (const auto& [found, expected] : wrong) {
        INFO(found.problem << " should say " << expected);
        REQUIRE(found.problem.find(expected) != std::string::npos);
        REQUIRE(found.problem.starts_with('/'));
    }
}

TEST_CASE("access: in the cluster the service account's files must be there") {
    Files files;
    files.texts = {{"/sa/ca.crt", "CA"}};
    REQUIRE(in_cluster_access({"10.96.0.1", 443}, "/sa", files.reader()).problem ==
            "/sa/token: cannot be read");
    files.texts["/sa/token"] = "t";
    const FoundAccess found = in_cluster_access({"10.96.0.1", 443}, "/sa", files.reader());
    REQUIRE(found.problem.empty());
    REQUIRE(found.access.token_file == "/sa/token");
    REQUIRE(found.access.ca_file == "/sa/ca.crt");
}

TEST_CASE("access: query values are encoded") {
    REQUIRE(percent_encoded("a.b/c=D,~ \xc3") == "a.b%2Fc%3DD%2C~%20%C3");
}
