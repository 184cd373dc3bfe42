// Every metric of our own family, once: the programs take type and help text from here, and the
// table in README.md is printed from it. What is not listed here cannot be shown. The contract's
// families (stock Knative's names) are not ours and not here.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "common/metrics/exposition.hpp"

namespace common {

// Who shows a metric: bits.
enum MetricsOf : std::uint8_t { of_activator = 1, of_sluice = 2, of_queue_proxy = 4 };

struct MetricInfo {
    std::string_view name;
    MetricType type;
    std::uint8_t programs;    // MetricsOf bits
    std::string_view labels;  // besides the revision's three, as "name: value value; name: value"
    std::string_view help;    // no full stop
};

std::span<const MetricInfo> metric_catalogue();
// Null if there is none.
const MetricInfo* find_metric(std::string_view name);

// The table of README.md.
std::string metrics_markdown_table();

// Buckets of waits, runs and whole requests: a picture takes seconds to minutes, a cold start up to
// half an hour (issue 7: the wait reaches to 1800 s).
inline constexpr double long_seconds[] = {.01, .05, .1, .25, .5,  1,   2.5, 5,   10,   20,  30,
                                          45,  60,  90, 120, 180, 300, 600, 900, 1200, 1800};

}  // namespace common
