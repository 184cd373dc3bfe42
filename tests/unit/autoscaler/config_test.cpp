// Which texts are valid settings, and what is said about those that are not.
#include "autoscaler/config.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include <catch2/catch.hpp>

#include "autoscaler/annotations.hpp"
#include "autoscaler/scaling_policy.hpp"

using namespace autoscaler;
using namespace std::chrono_literals;

namespace {

using Entries = std::vector<KeyValue>;

std::string only_problem(const std::vector<Problem>& problems) {
    return problems.size() == 1 ? problems[0].text : std::to_string(problems.size()) + " problems";
}

std::string config_problem(const std::string& key, const std::string& value) {
    return only_problem(parse_config(Entries{{key, value}}).problems);
}

std::string annotation_problem(const std::string& name, const std::string& value) {
    const Entries entries{{"autoscaling.knative.dev/" + name, value}};
    return only_problem(parse_annotations(entries, Config{}).problems);
}

}  // namespace

TEST_CASE("config: a count is a whole number of 32 bits", "[autoscaler]") {
    CHECK(parse_pod_count("2147483647") == 2147483647);
    CHECK(parse_pod_count("-1") == -1);
    CHECK_FALSE(parse_pod_count("2147483648"));
    CHECK_FALSE(parse_pod_count("-2147483649"));
    CHECK_FALSE(parse_pod_count("1.0"));
    CHECK_FALSE(parse_pod_count(""));
}

TEST_CASE("config: the defaults are the stock ones and valid", "[autoscaler]") {
    const ParsedConfig parsed = parse_config({});
    CHECK(parsed.problems.empty());
    CHECK(parsed.config.concurrency_target_fraction == 0.7);
    CHECK(parsed.config.stable_window == 60s);
    CHECK(parsed.config.scale_to_zero_grace_period == 30s);
    CHECK(parsed.config.target_burst_capacity == 211);
    CHECK(parsed.config.progress_deadline == 600s);
}

TEST_CASE("config: a percentage above 1 is divided by 100, up to 1 it is a fraction",
          "[autoscaler]") {
    const char* key = "container-concurrency-target-percentage";
    CHECK(parse_config(Entries{{key, "80"}}).config.concurrency_target_fraction == 0.8);
    CHECK(parse_config(Entries{{key, "0.8"}}).config.concurrency_target_fraction == 0.8);
    CHECK(parse_config(Entries{{key, "1"}}).config.concurrency_target_fraction == 1);
    CHECK(parse_config(Entries{{key, "100"}}).problems.empty());
    CHECK(config_problem(key, "101") ==
          "container-concurrency-target-percentage: \"101\" must be more than 0 and at most 100 "
          "(percent; up to 1 is a fraction)");
}

TEST_CASE("config: every rule of the table names its key and range", "[autoscaler]") {
    CHECK(config_problem("stable-window", "5s") ==
          "stable-window: \"5s\" must be 6s to 1h in whole seconds");
    CHECK(config_problem("stable-window", "60") ==
          "stable-window: \"60\" must be a duration such as 60s or 5m");
    CHECK(config_problem("requests-per-second-target-default", "0") ==
          "requests-per-second-target-default: \"0\" must be at least 0.01");
    CHECK(config_problem("target-burst-capacity", "-2") ==
          "target-burst-capacity: \"-2\" must be at least 0, or -1 for unlimited");
    CHECK(config_problem("panic-window-percentage", "0.5") ==
          "panic-window-percentage: \"0.5\" must be 1 to 100");
    CHECK(config_problem("max-scale-up-rate", "1") ==
          "max-scale-up-rate: \"1\" must be more than 1");
    CHECK(config_problem("max-scale-down-rate", "0.9") ==
          "max-scale-down-rate: \"0.9\" must be more than 1");
    CHECK(config_problem("enable-scale-to-zero", "yes") ==
          "enable-scale-to-zero: \"yes\" must be true or false");
    CHECK(config_problem("scale-to-zero-grace-period", "0s") ==
          "scale-to-zero-grace-period: \"0s\" must be more than 0s");
    CHECK(config_problem("scale-down-delay", "1500ms") ==
          "scale-down-delay: \"1500ms\" must be 0s or more in whole seconds");
    CHECK(config_problem("activator-capacity", "0.5") ==
          "activator-capacity: \"0.5\" must be at least 1");
    CHECK(config_problem("initial-scale", "0") ==
          "initial-scale: \"0\" must be at least 1 (0 needs allow-zero-initial-scale)");
    CHECK(config_problem("max-scale", "-1") == "max-scale: \"-1\" must be 0 (none) or more");
    CHECK(config_problem("max-scale-limit", "5") == "max-scale must be 1 to max-scale-limit 5");
}

TEST_CASE("config: all problems are collected, and unknown keys are none", "[autoscaler]") {
    const Entries entries{{"_example", "# text"},
                          {"stable-window", "soon"},
                          {"max-scale", "2"},
                          {"min-scale", "3"},
                          {"panic-threshold-percentage", "5"}};
    const std::vector<Problem> problems = parse_config(entries).problems;
    REQUIRE(problems.size() == 2);
    CHECK(problems[0].name == "stable-window");
    CHECK(problems[1].text == "max-scale: \"2\" must be 0 (none), or at least min-scale 3");
    const Entries zero{{"initial-scale", "0"}, {"allow-zero-initial-scale", "true"}};
    CHECK(parse_config(zero).problems.empty());
    CHECK(config_keys().size() == 20);
}

TEST_CASE("annotations: both spellings are read, the first one wins", "[autoscaler]") {
    const Entries entries{{"autoscaling.knative.dev/maxScale", "10"},
                          {"autoscaling.knative.dev/minScale", "5"},
                          {"autoscaling.knative.dev/min-scale", "2"},
                          {"autoscaling.knative.dev/targetUtilizationPercentage", "100"},
                          {"k8s.aliyun.com/eci-use-specs", "anything"}};
    const ParsedAnnotations parsed = parse_annotations(entries, Config{});
    CHECK(parsed.problems.empty());
    CHECK(parsed.scaling.max_scale == 10);
    CHECK(parsed.scaling.min_scale == 2);
    CHECK(parsed.scaling.target_utilization_percentage == 100);
    CHECK_FALSE(parsed.scaling.window);
}

TEST_CASE("annotations: every rule of the table names the annotation and its range",
          "[autoscaler]") {
    const std::string prefix = "autoscaling.knative.dev/";
    const std::vector<std::array<const char*, 3>> wrong{
        {"class", "vpa.autoscaling.knative.dev",
         "kpa.autoscaling.knative.dev, hpa.autoscaling.knative.dev, or a class outside "
         "knative.dev"},
        {"metric", "cpu", "concurrency or rps"},
        {"target", "0.001", "a number of at least 0.01"},
        {"targetUtilizationPercentage", "0.5", "a percentage from 1 to 100"},
        {"target-burst-capacity", "-0.5", "a number of at least 0, or -1 for unlimited"},
        {"window", "1h1s", "6s to 1h in whole seconds"},
        {"window", "6500ms", "6s to 1h in whole seconds"},
        {"panicWindowPercentage", "101", "a percentage from 1 to 100"},
        {"panic-threshold-percentage", "109", "a percentage from 110 to 1000"},
        {"min-scale", "-1", "a whole number, 0 or more"},
        {"maxScale", "ten", "a whole number, 0 (none) or more"},
        {"initial-scale", "0", "1 or more (0 needs allow-zero-initial-scale in config-autoscaler)"},
        {"activation-scale", "1", "a whole number, 2 or more"},
        {"scaleDownDelay", "2h", "0s to 1h in whole seconds"},
        {"scale-to-zero-pod-retention-period", "-1s", "0s to 1h"}};
    for (const auto& [name, value, range] : wrong) {
        CHECK(annotation_problem(name, value) ==
              prefix + name + ": \"" + value + "\" must be " + range);
    }
    CHECK(annotation_problem("class", "my.own/class") == "0 problems");
}

TEST_CASE("annotations: bounds are checked against each other and the cluster's limit",
          "[autoscaler]") {
    const std::string prefix = "autoscaling.knative.dev/";
    const auto problem = [&](Entries entries, PodCount limit) {
        for (KeyValue& entry : entries)
            entry.first = prefix + entry.first;
        Config config;
        config.max_scale_limit = limit;
        return only_problem(parse_annotations(entries, config).problems);
    };
    CHECK(problem({{"min-scale", "3"}, {"max-scale", "2"}}, 0) ==
          prefix + "max-scale: \"2\" must be 0 (none) or at least min-scale 3");
    CHECK(problem({{"min-scale", "3"}, {"max-scale", "0"}}, 0) == "0 problems");
    CHECK(problem({{"max-scale", "0"}}, 4) ==
          prefix + "max-scale: \"0\" must be 1 to 4 (max-scale-limit)");
    CHECK(problem({{"max-scale", "2"}, {"activation-scale", "3"}}, 0) ==
          prefix + "activation-scale: \"3\" must be at most max-scale 2");
    CHECK(problem({{"min-scale", "4"}, {"activation-scale", "3"}}, 0) ==
          prefix + "activation-scale: \"3\" must be at least min-scale 4");
}

TEST_CASE("annotations: a wrong aggregation is an error only under an explicit KPA class",
          "[autoscaler]") {
    const std::string prefix = "autoscaling.knative.dev/";
    Entries entries{{prefix + "metricAggregationAlgorithm", "median"}};
    CHECK(parse_annotations(entries, Config{}).problems.empty());
    entries.emplace_back(prefix + "class", "kpa.autoscaling.knative.dev");
    CHECK(only_problem(parse_annotations(entries, Config{}).problems) ==
          prefix + "metricAggregationAlgorithm: \"median\" must be linear or weighted-exponential");
    entries[0].second = "weightedExponential";
    CHECK(parse_annotations(entries, Config{}).scaling.aggregation ==
          Aggregation::weighted_exponential);
}

TEST_CASE("annotations: the known names include the old spellings", "[autoscaler]") {
    const auto names = annotation_names();
    const auto known = [&](std::string_view name) {
        return std::find(names.begin(), names.end(), name) != names.end();
    };
    CHECK(names.size() == 26);
    CHECK(known("autoscaling.knative.dev/maxScale"));
    CHECK(known("autoscaling.knative.dev/max-scale"));
    CHECK(known("serving.knative.dev/progress-deadline"));
}

TEST_CASE("scaling policy: annotations come before the config", "[autoscaler]") {
    Config config;
    config.min_scale = 1;
    config.initial_scale = 2;
    RevisionScaling scaling;
    scaling.target_utilization_percentage = 100;
    scaling.window = 30s;
    scaling.max_scale = 10;
    scaling.initial_scale = 0;  // not allowed: the config's
    const ScalingPolicy policy = resolve_policy(scaling, config, 1);
    CHECK(policy.decider.target == 1);
    CHECK(policy.decider.total == 1);
    CHECK(policy.decider.panic_threshold == 2);
    CHECK(policy.panic_window == 3s);
    CHECK(policy.to_zero.stable_window == 30s);
    CHECK(policy.bounds.min == 1);
    CHECK(policy.bounds.max == 10);
    CHECK(policy.bounds.initial == 2);
    CHECK(policy.early_target == 1);
    config.allow_zero_initial_scale = true;
    CHECK(resolve_policy(scaling, config, 1).bounds.initial == 0);
    scaling.metric = Metric::rps;
    CHECK(resolve_policy(scaling, config, 4).early_target == 4);
    CHECK(resolve_policy(scaling, config, 4).decider.target == 200);
}
