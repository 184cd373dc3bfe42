// How much load was there on average, over the last stable or panic window? (contract
// kpa.md 3.2-3.6)
//
// A ring of one-second buckets. Values written in the same second add up, because the stock
// autoscaler forms the sum over activators and pods here. The average is either linear (over the
// seconds since the first write of the current run, at most the whole window, rounded to 6
// decimals) or weighted exponentially towards the newest second (not normalised, not rounded).
//
// Two properties surprise and are kept exactly: a fresh window averages over the elapsed seconds
// only, so one report of 1 gives 1; and after the last write the linear average does not decay, it
// is taken over the shrinking rest of the window. Sources must go on reporting zeros to decay it.
//
// A second is floor(Instant): all that matters is that writers and readers share one clock.
// Not here: what is reported, and by whom.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "common/core/time.hpp"

namespace autoscaler {

enum class Aggregation : std::uint8_t { linear, weighted_exponential };

class Window {
  public:
    // REQUIRES: length > 0.
    Window(common::Duration length, Aggregation aggregation);

    // Adds `value` to the second of `at`. Late writes are accepted as long as their second is still
    // inside the window that ends at the newest write; older ones are ignored.
    void record(common::Instant at, double value);

    // The average as seen at `now`; 0 when there is nothing to average.
    double average(common::Instant now) const;

    // Whether nothing was ever written, or the last write lies more than a window back ("no data").
    bool empty(common::Instant now) const;

    // Keeps the newest buckets that fit both lengths. The first write is then taken to be as old as
    // the former window reached; a window that was silent for longer is cleared, but its last write
    // is remembered, so silence is measured with the new length (3.2). REQUIRES: length > 0.
    void resize(common::Duration length, common::Instant now);

    common::Duration length() const { return length_; }

  private:
    std::size_t slot_of(std::int64_t second) const;
    double linear_average(std::int64_t now) const;
    double weighted_average(std::int64_t now) const;

    common::Duration length_;
    Aggregation aggregation_;
    std::vector<double> buckets_;
    double total_ = 0;                   // running sum of buckets_: never recomputed (3.4)
    std::optional<std::int64_t> first_;  // seconds; unset after a clearing resize
    std::optional<std::int64_t> last_;
    double newest_weight_;  // coefficient c of 3.5
};

// stable x percentage / 100 in whole seconds, halves away from zero, at least one second (3.2).
common::Duration panic_window(common::Duration stable, double percentage);

}  // namespace autoscaler
