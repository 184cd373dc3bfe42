// The shell of core/drain: it turns signals, waiters and the clock into the steps of leaving, and
// lets its owner carry them out (contract queue-proxy 5).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "common/async/signal.hpp"
#include "common/time/time_source.hpp"
#include "proxy/core/drain.hpp"

namespace proxy {

class Shutdown {
  public:
    struct Actions {
        // Accept no more, close idle connections, let the others end; then listeners_closed().
        std::function<void()> close_listeners;
        // Close what still runs.
        std::function<void()> end_streams;
        // End the process with this code. Called from the event loop, once for each code at most.
        std::function<void(int code)> exit;
    };

    // `time` outlives it.
    Shutdown(common::TimeSource& time, boost::asio::any_io_executor executor,
             const DrainRules& rules, Actions actions);
    ~Shutdown();

    // Probes are to be told "shutting down".
    bool is_draining() const { return drain_.is_draining(); }
    // An ordinary request came in.
    void request_arrived();
    // SIGTERM or SIGINT.
    void signalled();
    // Returns when a /wait-for-drain is to be answered.
    common::awaitable<void> wait();
    // Answers those who wait now, whatever the drain says.
    void release_waiters();
    void listeners_closed(std::uint64_t in_flight);
    void in_flight_changed(std::uint64_t in_flight);

  private:
    struct Waiter {
        explicit Waiter(const boost::asio::any_io_executor& executor) : released(executor) {}
        common::Signal released;
        bool done = false;
    };
    void follow();
    void arm();

    common::TimeSource& time_;
    boost::asio::any_io_executor executor_;
    Drain drain_;
    Actions actions_;
    std::unique_ptr<common::Timer> timer_;
    Instant armed_for_ = Instant::max();
    std::vector<Waiter*> waiters_;
};

}  // namespace proxy
