// OBSERVABILITY_CONFIG: with problems, each says something; without, the values are usable.
#include <cmath>

#include "common/config/observability_config.hpp"
#include "tests/fuzz/fuzz.hpp"

FUZZ_TARGET(data, size) {
    const fuzz::Input input(data, size);
    const auto parsed = common::parse_observability_config(input.rest());
    for (const std::string& problem : parsed.problems)
        HOLDS(!problem.empty() && problem.find('\n') == std::string::npos);
    if (!parsed.problems.empty()) return 0;
    HOLDS(std::isfinite(parsed.config.tracing.sampling_rate));
    return 0;
}
