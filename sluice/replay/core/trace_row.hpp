// One request of a trace.
#pragma once

#include <cstdint>
#include <optional>

#include "activator/core/model_key.hpp"
#include "common/core/time.hpp"

namespace sluice::replay {

struct TraceRow {
    common::Instant arrival{};  // in the trace's own time; the speed is not in it
    common::Duration run{};     // with its model loaded
    std::uint64_t session = 0;  // 0: none
    activator::ModelKey model = activator::any_model;
    std::optional<common::Duration> load;  // of its model; unset: as all
    std::optional<common::Duration> left;  // the client left so long after its arrival
};

}  // namespace sluice::replay
