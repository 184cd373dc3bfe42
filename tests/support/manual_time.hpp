// A clock that stands still until a test moves it, and the timers that hang on it. Timers fire in
// the order of their deadlines, each one only after everything that the one before set off has come
// to rest; so a test of a 300 s timeout takes microseconds and gives the same result every time.
#pragma once

#include <map>
#include <memory>

#include <boost/asio/io_context.hpp>

#include "common/time/time_source.hpp"

namespace common {

class ManualTime final : public TimeSource {
  public:
    // Starts at 1000 s after the epoch of both clocks, so that a default-constructed Instant is in
    // the past. `io` outlives this.
    explicit ManualTime(boost::asio::io_context& io);
    ~ManualTime() override;

    Instant now() const override { return now_; }
    // 2026-11-23T10:15:30Z at the start, and as far on as now().
    WallTime wall_now() const override;
    std::unique_ptr<Timer> make_timer() override;
    std::size_t armed() const override;

    // Runs the event loop until nothing is ready, with the clock standing still.
    void settle();
    // Moves the clock to `t`, stopping at every deadline on the way. REQUIRES: t >= now().
    void advance_to(Instant t);
    void advance(Duration d) { advance_to(now_ + d); }

  private:
    struct State;
    struct ManualTimer;

    boost::asio::io_context& io_;
    Instant now_;
    std::shared_ptr<State> state_;
};

}  // namespace common
