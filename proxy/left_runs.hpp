// A queue-proxy that comes after one that was killed keeps a slot for each request that the
// application still works on (core/left_connection.hpp), until that has ended: else the first
// request here would be one too many.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <vector>

#include "proxy/gate.hpp"

namespace proxy {

class LeftRuns {
  public:
    // `gate` and `time` outlive it. `at_most`: how long a slot is kept (SLUICE_SLOT_HOLD_MAX).
    LeftRuns(Gate& gate, common::TimeSource& time, std::uint16_t user_port, Duration at_most);

    // Looks once, before the first request can come, and from then on as long as there is one.
    void start(common::LoopExecutor executor);
    void stop();

  private:
    // By the ports of the ends that are gone.
    std::set<std::uint16_t> left() const;
    void look();
    void look_later();
    void release(RequestId id);

    Gate& gate_;
    common::TimeSource& time_;
    std::uint16_t user_port_;
    Duration at_most_;
    std::set<std::uint16_t> found_;
    std::vector<RequestId> held_;
    std::unique_ptr<common::Timer> timer_;
};

}  // namespace proxy
