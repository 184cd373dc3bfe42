#include "sluice/pods/pod_commands.hpp"

#include <unistd.h>

#include <algorithm>
#include <optional>

#include "common/log/log.hpp"
#include "sluice/service/expand.hpp"

namespace sluice {
namespace {

std::string value_or_empty(const std::map<std::string, std::string>& map, const char* name) {
    const auto at = map.find(name);
    return at == map.end() ? std::string() : at->second;
}

std::optional<std::string> find(const EnvEntries& env, std::string_view name) {
    for (auto it = env.rbegin(); it != env.rend(); ++it)
        if (it->first == name) return it->second;
    return std::nullopt;
}

}  // namespace

EnvEntries declared_env(const PodSpec& spec, std::uint16_t app_port) {
    const EnvEntries ours{
        {"PORT", std::to_string(app_port)},
        {"K_SERVICE", value_or_empty(spec.queue_proxy_env, "SERVING_SERVICE")},
        {"K_REVISION", value_or_empty(spec.queue_proxy_env, "SERVING_REVISION")},
        {"K_CONFIGURATION", value_or_empty(spec.queue_proxy_env, "SERVING_CONFIGURATION")},
        {"HOSTNAME", spec.name}};
    EnvEntries env =
        expand_env(spec.env, [&ours](std::string_view name) { return find(ours, name); });
    // Last, hence in force: Knative's webhook forbids a service to set these (but for HOSTNAME).
    env.insert(env.end(), ours.begin(), ours.end());
    return env;
}

std::vector<std::string> expand_all(const std::vector<std::string>& texts, const EnvEntries& env) {
    std::vector<std::string> expanded;
    for (const std::string& text : texts)
        expanded.push_back(
            expand_variables(text, [&env](std::string_view name) { return find(env, name); }));
    return expanded;
}

std::vector<std::string> merge_env(std::vector<std::string> inherited, const EnvEntries& entries) {
    for (const auto& [name, value] : entries) {
        const std::string start = name + "=";
        const auto at =
            std::find_if(inherited.begin(), inherited.end(),
                         [&start](const std::string& text) { return text.starts_with(start); });
        if (at == inherited.end()) {
            inherited.push_back(start + value);
        } else {
            *at = start + value;
        }
    }
    return inherited;
}

std::string env_value(const std::vector<std::string>& env, const std::string& name) {
    for (const std::string& text : env)
        if (text.starts_with(name + "=")) return text.substr(name.size() + 1);
    return {};
}

std::vector<std::string> own_env() {
    std::vector<std::string> env;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry)
        env.emplace_back(*entry);
    return env;
}

Command app_command(const PodSpec& spec, std::uint16_t app_port,
                    const std::vector<std::string>& gpus) {
    EnvEntries env = declared_env(spec, app_port);
    if (!gpus.empty()) {
        std::string list;
        for (const std::string& id : gpus)
            list += (list.empty() ? "" : ",") + id;
        env.emplace_back("CUDA_VISIBLE_DEVICES", list);
    }
    Command command;
    command.argv = expand_all(spec.command, env);
    for (std::string& text : expand_all(spec.args, env))
        command.argv.push_back(std::move(text));
    command.env = merge_env(own_env(), env);
    command.working_dir = spec.working_dir;
    return command;
}

Command queue_proxy_command(const PodSpec& spec, const std::string& program,
                            const QueueProxyPorts& ports, std::uint16_t app_port) {
    const bool json = common::log_format() == common::LogFormat::json;
    EnvEntries env{{"SLUICE_STATS_PORT", "0"},
                   {"SLUICE_METRICS_PORT", "0"},
                   {"SLUICE_LOG_FORMAT", json ? "json" : "text"}};
    env.insert(env.end(), spec.queue_proxy_env.begin(), spec.queue_proxy_env.end());
    if (spec.readiness_probe)
        env.emplace_back("SERVING_READINESS_PROBE", spec.readiness_probe(app_port));
    const EnvEntries ours{{"QUEUE_SERVING_PORT", std::to_string(ports.serving)},
                          {"QUEUE_SERVING_TLS_PORT", std::to_string(ports.tls)},
                          {"USER_PORT", std::to_string(app_port)},
                          {"SERVING_POD", spec.name},
                          {"SERVING_POD_IP", "127.0.0.1"},
                          {"HOSTNAME", spec.name},
                          {"SLUICE_BIND_ADDRESS", "127.0.0.1"},
                          {"SLUICE_ADMIN_PORT", std::to_string(ports.admin)}};
    env.insert(env.end(), ours.begin(), ours.end());
    Command command;
    command.path = program;
    command.argv = {program};
    command.env = merge_env(own_env(), env);
    return command;
}

}  // namespace sluice
