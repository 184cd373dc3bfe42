#include "activator/kubernetes/startup.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include "activator/app.hpp"
#include "activator/kubernetes/json_fields.hpp"
#include "common/async/sleep.hpp"
#include "common/log/log.hpp"

namespace activator::kubernetes {
namespace {

using nlohmann::json;

// contract activator.md 1.1: the API server is waited for.
constexpr int start_tries = 60;
constexpr common::Duration start_pause = std::chrono::seconds(1);

}  // namespace

std::optional<Found> find_cluster(const std::string& program, common::LogFormat format) {
    common::LogConfig log;
    log.program = program;
    log.format = format;
    common::configure_log(log);
    const common::ProcessEnv env;
    ParsedConfig parsed = parse_config(env, common::read_file("/etc/resolv.conf"));
    for (const std::string& problem : parsed.problems)
        common::log_start_failed(problem);
    if (!parsed.problems.empty()) return std::nullopt;
    const Config& config = parsed.config;
    FoundAccess found = config.kubeconfig.empty()
                            ? in_cluster_access(config.api, service_account_folder)
                            : kubeconfig_access(config.kubeconfig);
    if (!found.problem.empty()) {
        common::log_start_failed((config.kubeconfig.empty() ? "" : "KUBECONFIG ") + found.problem);
        return std::nullopt;
    }
    log.pod = config.pod_name;
    common::configure_log(std::move(log));
    return Found{std::move(parsed.config), std::move(found.access)};
}

common::OtlpAttributes telemetry_resource(const Config& config) {
    return {{"service.name", "activator"},
            {"service.version", SLUICE_VERSION},
            {"service.instance.id", config.pod_name},
            {"k8s.pod.name", config.pod_name},
            {"k8s.namespace.name", config.system_namespace}};
}

common::awaitable<std::string> wait_for_api(ApiClient& api, common::TimeSource& time,
                                            std::string minimum_version, const bool& ended) {
    std::string problem;
    for (int i = 0; i < start_tries && !ended; ++i) {
        const ApiClient::Answer answer = co_await api.get("/version");
        problem = answer.problem;
        if (problem.empty() && answer.status != 200)
            problem = "answered " + std::to_string(answer.status);
        if (problem.empty()) {
            const json version = json::parse(answer.body, nullptr, false);
            std::string found = text(version, {"gitVersion"});
            if (version_at_least(found, minimum_version)) co_return std::string();
            if (found.empty()) found = "?";
            problem =
                "Kubernetes " + found + " is older than KUBERNETES_MIN_VERSION " + minimum_version;
        }
        if (i == 0) common::log_warning("api_wait", problem, {});
        co_await common::sleep_for(time, start_pause);
    }
    co_return "the API server: " + problem;
}

std::vector<std::string> read_cookie_keys(const ConfigData& data) {
    const auto keys = data.find("keys");
    std::string problem = keys == data.end() ? "has no entry 'keys'" : "";
    std::vector<std::string> parsed;
    if (problem.empty()) parsed = parse_cookie_keys(keys->second, problem);
    if (!problem.empty()) {
        common::log_error("cookie_key", problem, {{"secret", cookie_key_secret}});
        return {};
    }
    common::log_info("cookie_key", "session cookies are signed with the Secret's first key",
                     {{"secret", cookie_key_secret}, {"keys", parsed.size()}});
    return parsed;
}

}  // namespace activator::kubernetes
