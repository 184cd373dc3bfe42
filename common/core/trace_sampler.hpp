// Which requests are recorded: OpenTelemetry's standard samplers. A ratio is taken of the trace
// id, so that all programs with the same ratio choose the same traces; the comparison is that of
// the Go SDK, which stock Knative has.
#pragma once

#include <cstdint>

#include "common/core/trace_context.hpp"

namespace common {

struct TraceSampler {
    // Of traces that begin here, and of all if the parent does not decide.
    double ratio = 1;          // 0 never, 1 always
    bool parent_based = true;  // who has a parent does as the parent does

    // Nothing that it is asked for is ever recorded.
    bool is_off() const { return ratio <= 0 && !parent_based; }

    bool samples(const TraceId& trace, const TraceContext* parent) const {
        if (parent != nullptr && parent_based) return parent->sampled;
        if (ratio >= 1) return true;
        if (ratio <= 0) return false;
        constexpr double two_to_63 = 9223372036854775808.0;
        return trace.low >> 1 < static_cast<std::uint64_t>(ratio * two_to_63);
    }
};

}  // namespace common
