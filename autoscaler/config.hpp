// The cluster-wide settings of the autoscaler: ConfigMap `config-autoscaler`, its defaults and its
// validity rules (contract kpa.md section 2).
//
// Parsing collects every problem, one line each that names the key and the valid range; a config
// with problems must not be used. Unknown keys are not problems (Kubernetes keeps `_example`
// there); config_keys() lists the known ones for suggestions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "autoscaler/decider.hpp"
#include "common/core/time.hpp"

namespace autoscaler {

// Key and value as they stand in a YAML document.
using KeyValue = std::pair<std::string, std::string>;

// Something the user must change. `text` is one whole line that begins with `name`.
struct Problem {
    std::string name;  // the key or annotation at fault
    std::string text;
};

struct Config {
    double concurrency_target_fraction = 0.7;  // container-concurrency-target-percentage / 100
    double concurrency_target_default = 100;
    double rps_target_default = 200;
    double target_burst_capacity = 211;
    common::Duration stable_window = std::chrono::seconds(60);
    double panic_window_percentage = 10;
    double panic_threshold_percentage = 200;
    double max_scale_up_rate = 1000;
    double max_scale_down_rate = 2;
    bool enable_scale_to_zero = true;
    common::Duration scale_to_zero_grace_period = std::chrono::seconds(30);
    common::Duration scale_to_zero_pod_retention_period{};
    common::Duration scale_down_delay{};
    double activator_capacity = 100;
    PodCount initial_scale = 1;
    bool allow_zero_initial_scale = false;
    PodCount min_scale = 0;
    PodCount max_scale = 0;        // 0 = none
    PodCount max_scale_limit = 0;  // 0 = none
    std::string pod_autoscaler_class = "kpa.autoscaling.knative.dev";
    // From config-deployment, which has no document of its own here.
    common::Duration progress_deadline = std::chrono::seconds(600);
};

struct ParsedConfig {
    Config config;
    std::vector<Problem> problems;
};

ParsedConfig parse_config(std::span<const KeyValue> data);

// A decimal int32, as both tables want for scales.
std::optional<PodCount> parse_pod_count(std::string_view text);

// All keys of the table in section 2.
std::span<const std::string_view> config_keys();

}  // namespace autoscaler
