// How many pods does the measured load ask for? (contract kpa.md sections 4, 5, 6, 7)
//
// One decider per revision, asked every 2 s and by pokes. It divides the stable and the panic
// average by the target per pod, limits the step by the scale-up and scale-down rates, and keeps
// the panic state: once the panic average asks for a multiple of the ready pods, the count only
// rises until a whole stable window has passed without excess.
//
// Arithmetic is IEEE double exactly as written in the contract (2.1 / 0.7 gives 4 pods, on
// purpose). Not here: min-scale, max-scale, scale to zero (apply_scale), the averages (window).
#pragma once

#include <cstdint>
#include <optional>

#include "autoscaler/delay_window.hpp"
#include "common/core/time.hpp"

namespace autoscaler {

enum class Metric : std::uint8_t { concurrency, rps };

// The Go code keeps counts in int32; anything outside (absurd averages, a zero target) is clamped.
using PodCount = std::int32_t;

// No decision yet, or none possible: the caller keeps what it has.
inline constexpr PodCount unknown_count = -1;

// Defaults are those of the stock ConfigMaps for containerConcurrency 1 (sections 2 and 3.1).
struct DeciderSpec {
    Metric metric = Metric::concurrency;
    double target = 0.7;  // load per pod that the averages are divided by
    // What the averages may be too high by. 0 as in stock, where one more pod is soon gone again.
    double slack = 0;
    double total = 1;                    // capacity per pod, for burst capacity
    double target_burst_capacity = 211;  // requests; -1 = unlimited, 0 = none
    double panic_threshold = 2;          // multiple of the ready pods
    double max_scale_up_rate = 1000;     // multiple of the ready pods per decision
    double max_scale_down_rate = 2;
    common::Duration stable_window = std::chrono::seconds(60);
    common::Duration scale_down_delay{};
    PodCount activation_scale = 0;  // 0 or 1 = none
    bool reachable = true;
};

struct Averages {
    double stable = 0;
    double panic = 0;
};

struct DeciderResult {
    bool valid = false;  // false: no data or no pod count; the state was not touched
    PodCount desired = 0;
    PodCount excess_burst_capacity = 0;
};

class Decider {
  public:
    // Created with more than one ready pod, it starts in panic and so holds them for a window.
    Decider(const DeciderSpec& spec, PodCount ready_at_creation, common::Instant created);

    // Takes effect with the next decision. The delay window is not rebuilt (section 6).
    void set_spec(const DeciderSpec& spec) { spec_ = spec; }

    // `ready` unset: the pods could not be counted. `averages` unset: no data.
    DeciderResult decide(std::optional<PodCount> ready, std::optional<Averages> averages,
                         common::Instant now);

    bool panicking() const { return panicking_since_.has_value(); }
    // The greatest count of the current panic; decisions do not go below it meanwhile.
    PodCount max_panic_pods() const { return max_panic_pods_; }
    const DeciderSpec& spec() const { return spec_; }

  private:
    void advance_panic(bool over, common::Instant now);

    DeciderSpec spec_;
    std::optional<DelayWindow> delay_;
    std::optional<common::Instant> panicking_since_;
    PodCount max_panic_pods_;
};

// What a new decider reports before its first decision (section 7).
PodCount initial_excess_burst_capacity(const DeciderSpec& spec, PodCount initial_scale);

// Pods for `load` at `target` each: ceil(load / target), clamped to [0, 2^31-1].
PodCount pods_for(double load, double target);

}  // namespace autoscaler
