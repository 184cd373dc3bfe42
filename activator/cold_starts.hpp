// How long cold starts of a revision take, phase by phase: from the moment a pod was asked for
// until it was created, until it was ready, and until the first byte of its first answer. (When the
// application opened its port is known to the pod's queue-proxy only.)
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "common/core/ids.hpp"
#include "common/core/time.hpp"
#include "common/metrics/catalogue.hpp"
#include "common/metrics/histogram.hpp"

namespace activator {

using common::Instant;
using common::PodId;

class ColdStarts {
  public:
    // A pod was asked for.
    void asked() { ++asked_; }
    // It exists. From here on the start is followed until its first byte, or until it is forgotten.
    void created(PodId id, Instant asked_at, Instant now);
    // The next two count once for each pod.
    void ready(PodId id, Instant now);
    void first_byte(PodId id, Instant now);
    void forget(PodId id) { under_way_.erase(id); }

    // Of a pod whose start is under way.
    std::optional<Instant> asked_at(PodId id) const {
        const auto found = under_way_.find(id);
        if (found == under_way_.end()) return std::nullopt;
        return found->second.asked_at;
    }
    std::uint64_t asked_count() const { return asked_; }
    const common::Histogram& pod_created_seconds() const { return created_seconds_; }
    const common::Histogram& ready_seconds() const { return ready_seconds_; }
    const common::Histogram& first_byte_seconds() const { return first_byte_seconds_; }

  private:
    struct Start {
        Instant asked_at;
        bool is_ready = false;
    };
    std::map<PodId, Start> under_way_;
    std::uint64_t asked_ = 0;
    common::Histogram created_seconds_{common::long_seconds};
    common::Histogram ready_seconds_{common::long_seconds};
    common::Histogram first_byte_seconds_{common::long_seconds};
};

}  // namespace activator
