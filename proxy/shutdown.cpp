#include "proxy/shutdown.hpp"

#include <utility>

namespace proxy {

Shutdown::Shutdown(common::TimeSource& time, boost::asio::any_io_executor executor,
                   const DrainRules& rules, Actions actions)
    : time_(time),
      executor_(std::move(executor)),
      drain_(rules),
      actions_(std::move(actions)),
      timer_(time.make_timer()) {}

Shutdown::~Shutdown() = default;

void Shutdown::request_arrived() {
    // Only moves the quiet period, later: a timer that is armed finds that out when it fires.
    drain_.request_arrived(time_.now());
}

void Shutdown::signalled() {
    drain_.signalled(time_.now());
    follow();
}

common::awaitable<void> Shutdown::wait() {
    if (!drain_.wait_requested(time_.now())) co_return;
    Waiter waiter(executor_);
    waiters_.push_back(&waiter);
    follow();
    while (!waiter.done)
        co_await waiter.released.wait();
}

void Shutdown::release_waiters() {
    for (Waiter* waiter : std::exchange(waiters_, {})) {
        waiter->done = true;
        waiter->released.notify();
    }
}

void Shutdown::listeners_closed(std::uint64_t in_flight) {
    drain_.listeners_closed(in_flight, time_.now());
    follow();
}

void Shutdown::in_flight_changed(std::uint64_t in_flight) {
    drain_.in_flight_changed(in_flight);
    follow();
}

void Shutdown::follow() {
    while (true) {
        switch (drain_.step(time_.now())) {
            case DrainStep::none:
                arm();
                return;
            case DrainStep::release_waiters:
                release_waiters();
                break;
            case DrainStep::close_listeners:
                actions_.close_listeners();
                break;
            case DrainStep::end_streams:
                actions_.end_streams();
                actions_.exit(0);
                break;
            case DrainStep::exit_clean:
                actions_.exit(0);
                break;
            case DrainStep::exit_now:
                actions_.exit(1);
                break;
        }
    }
}

void Shutdown::arm() {
    const Instant deadline = drain_.next_deadline();
    if (deadline == Instant::max()) {
        timer_->disarm();
        armed_for_ = Instant::max();
        return;
    }
    if (deadline == armed_for_) return;
    armed_for_ = deadline;
    timer_->arm(deadline, [this] {
        armed_for_ = Instant::max();
        follow();
    });
}

}  // namespace proxy
