// The parts that scale, timeline and window vectors share.
#pragma once

#include "autoscaler/decider.hpp"
#include "autoscaler/window.hpp"
#include "tests/kpa_vectors/fields.hpp"

namespace kpa_vectors {

// A decider's `spec` object; what is absent has the stock value.
autoscaler::DeciderSpec read_spec(const Fields& spec);

// Field `aggregation`; absent means linear.
autoscaler::Aggregation read_aggregation(const Fields& vector);

// A window length; more than 0 and at most a day.
common::Duration read_window_length(const Fields& object, const char* name);

}  // namespace kpa_vectors
