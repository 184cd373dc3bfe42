#include "activator/standalone/cluster_settings.hpp"

#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "activator/kubernetes/objects.hpp"

namespace activator::standalone {

using nlohmann::json;

std::string take_autoscaler_config(const kubernetes::ConfigData& data, autoscaler::Config& config) {
    const std::vector<autoscaler::KeyValue> values(data.begin(), data.end());
    autoscaler::ParsedConfig parsed = autoscaler::parse_config(values);
    if (!parsed.problems.empty())
        return std::string("ConfigMap ") + autoscaler_map + ": " + parsed.problems.front().text;
    config = std::move(parsed.config);
    return {};
}

common::awaitable<std::string> read_autoscaler_config(kubernetes::ApiClient& api,
                                                      std::string name_space,
                                                      autoscaler::Config& config) {
    const kubernetes::ApiClient::Answer answer =
        co_await api.get("/api/v1/namespaces/" + name_space + "/configmaps/" + autoscaler_map);
    if (answer.problem.empty() && answer.status == 404) {
        config = autoscaler::Config{};
        co_return std::string();
    }
    std::string problem =
        kubernetes::problem_of(std::string("ConfigMap ") + autoscaler_map, answer);
    if (!problem.empty()) co_return problem;
    const json object = json::parse(answer.body, nullptr, false);
    co_return take_autoscaler_config(kubernetes::read_config_map(object), config);
}

}  // namespace activator::standalone
