#include "sluice/replay/core/generated_trace.hpp"

#include <algorithm>

namespace sluice::replay {

GeneratedTrace::GeneratedTrace(std::uint64_t seed) : random_(seed), favourite_(sessions) {
    double sum = 0;
    for (std::size_t i = 0; i < models; ++i)
        up_to_[i] = sum += 1.0 / static_cast<double>(i + 1);
    for (double& share : up_to_)
        share /= sum;
    for (activator::ModelKey& model : favourite_)
        model = some_model();
}

activator::ModelKey GeneratedTrace::some_model() {
    const auto found = std::lower_bound(up_to_.begin(), up_to_.end() - 1, random_.uniform());
    return static_cast<activator::ModelKey>(found - up_to_.begin()) + 1;
}

TraceRow GeneratedTrace::next() {
    constexpr double gap_s = 0.5;
    constexpr double run_median_s = 3;
    constexpr double run_sigma = 0.6;
    seconds_ += random_.exponential(gap_s);
    TraceRow row;
    row.arrival = common::Instant{} + common::from_seconds(seconds_);
    row.run = common::from_seconds(random_.lognormal(run_median_s, run_sigma));
    const std::size_t session = random_.below(sessions);
    row.session = session + 1;
    if (random_.chance(0.1)) favourite_[session] = some_model();
    row.model = favourite_[session];
    return row;
}

}  // namespace sluice::replay
