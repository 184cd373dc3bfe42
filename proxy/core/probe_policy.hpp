// When is the application tried, and when does it count as ready (contract queue-proxy 4.3)?
//
// A run answers one question "ready?". Questions that come while a run goes on share its answer
// (single flight, row 85); the run goes on even if nobody waits for it any more. Nothing is cached:
// the next question starts the next run.
//   periodSeconds = 0   aggressive: a try at once, then one every 50 ms after the last ended, each
//                       limited to 100 ms, until `success_threshold` tries in a row passed, for at
//                       most 10 s. The counter of successes survives from run to run; a failure
//                       zeroes it.
//   periodSeconds > 0   one try of at most `timeout`; thresholds are the kubelet's business.
//
// Sans I/O and for one probe; with several containers there is one policy for each, all run at
// once, and the application is ready when all say so (row 87). The caller makes the tries and
// enforces their time limit.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/core/time.hpp"

namespace proxy {

using common::Duration;
using common::Instant;

inline constexpr Duration aggressive_pause = std::chrono::milliseconds(50);
inline constexpr Duration aggressive_try_timeout = std::chrono::milliseconds(100);
inline constexpr Duration aggressive_run_limit = std::chrono::seconds(10);

class ProbePolicy {
  public:
    struct Rules {
        Duration period{};   // 0: aggressive
        Duration timeout{};  // of the one try otherwise
        std::uint32_t success_threshold = 1;
    };
    enum class Step : std::uint8_t {
        idle,      // no run
        attempt,   // try now, with try_timeout(); then tried()
        wait,      // for next_deadline()
        ready,     // the run is over: passed
        not_ready  // the run is over: log summary(), if it has one
    };

    explicit ProbePolicy(const Rules& rules) : rules_(rules) {}

    // A question came. True if it starts a run: follow step(). False: it shares the run that goes
    // on.
    bool ask(Instant now);
    // What to do now. `ready` and `not_ready` are said once and end the run.
    Step step(Instant now);
    // How the try ended. `error` is one line, empty on success. REQUIRES: step() said attempt.
    void tried(bool passed, std::string_view error, Instant now);

    Duration try_timeout() const {
        return is_aggressive() ? aggressive_try_timeout : rules_.timeout;
    }
    // When step() changes by itself; Instant::max() if it does not.
    Instant next_deadline() const;
    bool is_running() const { return is_running_; }
    // One line about the last run that was not ready (row 81), empty after one that was (row 80).
    std::string summary() const;

  private:
    bool is_aggressive() const { return rules_.period <= Duration::zero(); }

    Rules rules_;
    bool is_running_ = false;
    bool is_trying_ = false;
    bool has_tried_ = false;
    bool last_passed_ = false;
    Instant started_{};
    Instant next_try_{};
    std::uint32_t successes_ = 0;  // in a row, over runs
    std::uint32_t failures_ = 0;   // of this run
    std::string last_error_;
};

}  // namespace proxy
