// The machine's clocks. Their implementation is the only file of the product that reads a clock.
#pragma once

#include <boost/asio/any_io_executor.hpp>

#include "common/time/time_source.hpp"

namespace common {

class SystemTime final : public TimeSource {
  public:
    // Timers run on `executor`, which must outlive them.
    explicit SystemTime(boost::asio::any_io_executor executor);
    Instant now() const override;
    WallTime wall_now() const override;
    std::unique_ptr<Timer> make_timer() override;
    std::size_t armed() const override;

  private:
    class Queue;
    class QueuedTimer;
    std::shared_ptr<Queue> queue_;
};

// For log lines, before and outside any event loop.
WallTime system_wall_now();

}  // namespace common
