// The real scheduler and the reference one, driven by the same calls. After each call their
// actions must be the same set (which request expires or goes where, after which waits), their
// books must agree, and the real one's invariants must hold. Problems are thrown as text.
#pragma once

#include <stdexcept>
#include <string>

#include "tests/sim/reference_scheduler.hpp"

namespace sim {

using namespace activator;
using namespace std::chrono_literals;

inline constexpr RevisionId twin_revision{1};

// One call, as a value.
struct Call {
    enum class Kind : std::uint8_t {
        arrive,
        abandon,
        finish,
        requeue,
        add_pod,
        set_ready,
        drain,
        remove,
        set_policy,
        grant,
        reservation_open,
        reservation_lost,
        pass  // time passes, then tick
    };
    Kind kind;
    RequestId request{};
    std::optional<PodId> pod{};
    Outcome outcome = Outcome::done;
    bool flag = false;  // arrive: control; set_ready: ready
    std::size_t bytes = 0;
    Duration time{};  // before the call
    RevisionPolicy policy{};
    ModelKey model = any_model;  // arrive
};

std::string describe(const Call& call);

class Twins {
  public:
    Twins(const RevisionPolicy& policy, const Limits& limits);

    // Throws std::runtime_error with a description where the two differ.
    void apply(const Call& call);
    const reference::Scheduler& expected() const { return expected_; }
    const Scheduler& real() const { return real_; }
    Instant now() const { return now_; }

  private:
    bool apply_to_both(const Call& call);
    void compare_actions();
    void compare_books() const;

    Instant now_{std::chrono::hours(1)};
    Scheduler real_;
    reference::Scheduler expected_;
};

}  // namespace sim
