// queue-proxy: the sidecar of every pod. Everything it needs is in its environment (contract
// queue-proxy 1); it takes no arguments.
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <iostream>
#include <optional>

#include "common/config/env.hpp"
#include "common/config/read_file.hpp"
#include "common/log/log.hpp"
#include "proxy/app.hpp"
#include "proxy/config.hpp"
#include "proxy/logging.hpp"

namespace {

constexpr const char* podinfo_file = "/etc/podinfo/annotations";

// Nothing if the file system does not tell (contract 9: that ends the start).
std::optional<bool> exists(const std::string& path) {
    if (access(path.c_str(), F_OK) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    std::cerr << "queue-proxy: " << path << ": " << std::strerror(errno) << "\n";
    return std::nullopt;
}

}  // namespace

int main() {
    std::signal(SIGPIPE, SIG_IGN);  // a log that nobody reads any more ends nothing
    const common::ProcessEnv env;
    proxy::ConfigFiles files;
    // For tests and single machines; in a pod the certificates are where Knative mounts them.
    const auto directory = env.get("SLUICE_CERTIFICATE_DIRECTORY");
    if (directory) files.certificate_directory = *directory;
    const std::optional<bool> certificate = exists(files.certificate_directory + "/tls.crt");
    const std::optional<bool> key = exists(files.certificate_directory + "/tls.key");
    if (!certificate || !key) return 1;
    files.certificates = *certificate && *key;
    files.podinfo = common::read_file(podinfo_file).value_or("");
    proxy::LoadedConfig loaded = proxy::load_config(env, files);
    if (const auto* problems = std::get_if<proxy::ConfigProblems>(&loaded.result)) {
        for (const std::string& problem : *problems)
            std::cerr << problem << "\n";
        return 1;
    }
    proxy::Config& config = std::get<proxy::Config>(loaded.result);
    proxy::start_logging(config);
    for (const std::string& warning : loaded.warnings)
        common::log_warning("config", warning);
    proxy::App app(std::move(config));
    return app.run();
}
