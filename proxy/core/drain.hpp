// When does this sidecar say that it leaves, and when may it go (contract queue-proxy 5)?
//
// States: serving -> draining (says "shutting down" to probes, serves on) -> drained (quiet for the
// whole quiet period). Every ordinary request restarts the quiet period while it runs; probes do
// not. Two things begin a drain:
//   /wait-for-drain  the preStop hook of the application's container. It blocks until the drain is
//                    over. If no SIGTERM came within 1 s, it was only the application's restart:
//                    back to serving, and all who wait are answered (rows 15-17).
//   SIGTERM/SIGINT   the pod goes: once drained, the listeners close and wait for their connections
//                    without limit, then upgraded and h2c exchanges have 60 s, then exit 0 (rows
//                    18-21). A second signal at any time: exit 1 at once (row 22).
// A drain is never ended by its waiters leaving, and a late SIGTERM finds an un-drained pod: that
// is the contract (12, "a late SIGTERM").
//
// Sans I/O: events and `now` come in, step() says what to do. REQUIRES: `now` never goes back.
#pragma once

#include <cstdint>

#include "common/core/time.hpp"

namespace proxy {

using common::Duration;
using common::Instant;

struct DrainRules {
    Duration quiet = std::chrono::seconds(30);    // SLUICE_DRAIN_QUIET; contract 5.1
    Duration undrain = std::chrono::seconds(1);   // contract 5.1
    Duration streams = std::chrono::seconds(60);  // contract 5.1, "hijack drain"
};

enum class DrainStep : std::uint8_t {
    none,             // nothing new
    release_waiters,  // answer every /wait-for-drain that waits with an empty 200
    close_listeners,  // accept no more, close idle connections, let the others end; then
                      // listeners_closed()
    end_streams,      // what still runs has had its time: close it, then exit 0
    exit_clean,       // exit 0
    exit_now          // exit 1 without another word
};

class Drain {
  public:
    explicit Drain(const DrainRules& rules) : rules_(rules) {}

    // --- Events
    // A /wait-for-drain came. True if it has to wait for release_waiters; false: answer at once.
    bool wait_requested(Instant now);
    // SIGTERM or SIGINT.
    void signalled(Instant now);
    // An ordinary request (class C of contract 3.1) came in, in whatever state.
    void request_arrived(Instant now);
    // All connections of the closed listeners have ended. `in_flight` counts what goes on beside
    // them: upgraded and h2c exchanges.
    void listeners_closed(std::uint64_t in_flight, Instant now);
    // in_flight changed after listeners_closed().
    void in_flight_changed(std::uint64_t in_flight);

    // --- What to do
    // Ask after every event and at next_deadline(), again and again until it says `none`. Each step
    // is said once.
    DrainStep step(Instant now);
    Instant next_deadline() const;

    // Probes are to be told "shutting down".
    bool is_draining() const { return state_ != State::serving; }
    bool is_terminating() const { return has_signal_; }

  private:
    enum class State : std::uint8_t { serving, draining, drained, closing, streams, over };

    void begin(Instant now);

    DrainRules rules_;
    State state_ = State::serving;
    bool has_signal_ = false;
    bool must_exit_now_ = false;
    bool has_waiters_ = false;
    bool must_release_ = false;
    std::uint64_t in_flight_ = 0;
    Instant quiet_until_ = Instant::max();
    Instant undrain_at_ = Instant::max();
    Instant streams_until_ = Instant::max();
};

}  // namespace proxy
