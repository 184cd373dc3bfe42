// The queue-proxy's environment, one NAME=VALUE per line; the lines behind an empty one are
// /etc/podinfo/annotations.
#include <string>
#include <utility>

#include "proxy/config.hpp"
#include "tests/fuzz/fuzz.hpp"

FUZZ_TARGET(data, size) {
    fuzz::Input input(data, size);
    common::MapEnv::Map variables;
    while (!input.empty()) {
        const std::string_view line = input.line();
        if (line.empty()) break;
        const std::size_t equals = line.find('=');
        if (equals == std::string_view::npos) continue;
        variables[std::string(line.substr(0, equals))] = line.substr(equals + 1);
    }
    proxy::ConfigFiles files;
    files.certificates = variables.size() % 2 == 0;
    files.podinfo = input.rest();
    const common::MapEnv env(variables);
    const proxy::LoadedConfig loaded = proxy::load_config(env, files);
    if (const auto* problems = std::get_if<proxy::ConfigProblems>(&loaded.result)) {
        HOLDS(!problems->empty());
        for (const std::string& problem : *problems)
            HOLDS(!problem.empty());
        return 0;
    }
    const auto& config = std::get<proxy::Config>(loaded.result);
    HOLDS(config.serving.port != 0 && config.user_port != 0 && config.admin.port != 0);
    HOLDS(config.limits.control >= 1 && config.limits.control <= 10'000);
    HOLDS(config.response_start_timeout >= common::Duration::zero());
    HOLDS(config.idle_timeout >= common::Duration::zero());
    HOLDS(config.drain_quiet >= common::Duration::zero());
    return 0;
}
