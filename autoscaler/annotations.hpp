// The autoscaling annotations of a revision template, as values (contract kpa.md section 12).
//
// Both spellings of a name are read; where both exist the first (kebab-case) wins. Values that are
// wrong are problems that name the annotation as the user spelt it and the valid range. Annotations
// of other families, and unknown names, are left alone: annotation_names() lists the known ones for
// suggestions of the nearest name.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "autoscaler/config.hpp"
#include "autoscaler/decider.hpp"
#include "autoscaler/window.hpp"

namespace autoscaler {

// What a revision's owner wrote; unset = the default of the table applies (see scaling_policy).
struct RevisionScaling {
    std::optional<std::string> class_name;
    std::optional<Metric> metric;
    std::optional<double> target;
    std::optional<double> target_utilization_percentage;
    std::optional<double> target_burst_capacity;
    std::optional<common::Duration> window;
    std::optional<double> panic_window_percentage;
    std::optional<double> panic_threshold_percentage;
    std::optional<PodCount> min_scale;
    std::optional<PodCount> max_scale;
    std::optional<PodCount> initial_scale;
    std::optional<PodCount> activation_scale;
    std::optional<common::Duration> scale_down_delay;
    std::optional<common::Duration> scale_to_zero_pod_retention_period;
    std::optional<Aggregation> aggregation;
    std::optional<common::Duration> progress_deadline;
};

struct ParsedAnnotations {
    RevisionScaling scaling;
    std::vector<Problem> problems;
};

// `config` supplies the limits that depend on the cluster (max-scale-limit,
// allow-zero-initial-scale) and the default class.
ParsedAnnotations parse_annotations(std::span<const KeyValue> annotations, const Config& config);

// Every full name that parse_annotations reads, old spellings included.
std::span<const std::string_view> annotation_names();

}  // namespace autoscaler
