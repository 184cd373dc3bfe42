#include "activator/orderly_end.hpp"

#include <csignal>
#include <utility>

#include "common/log/log.hpp"

namespace activator {
namespace {

constexpr Duration idle_look_period = std::chrono::milliseconds(50);

}  // namespace

OrderlyEnd::OrderlyEnd(boost::asio::io_context& io, common::TimeSource& time, Gateway& gateway,
                       common::Duration drain_delay, Steps steps)
    : OrderlyEnd(
          io, time,
          Server{[&gateway] { gateway.shut_down(); }, [&gateway] { return gateway.connections(); }},
          drain_delay, std::move(steps)) {}

OrderlyEnd::OrderlyEnd(boost::asio::io_context& io, common::TimeSource& time, Server server,
                       common::Duration drain_delay, Steps steps)
    : time_(time),
      server_(std::move(server)),
      drain_delay_(drain_delay),
      steps_(std::move(steps)),
      signals_(io, SIGINT, SIGTERM, SIGHUP),
      timer_(time.make_timer()) {}

void OrderlyEnd::start() {
    wait_for_signal();
}

void OrderlyEnd::wait_for_signal() {
    signals_.async_wait([this](boost::system::error_code ec, int number) {
        if (ec) return;
        on_signal(number);
        if (!ended_) wait_for_signal();
    });
}

void OrderlyEnd::on_signal(int number) {
    if (number == SIGHUP) {
        steps_.on_hangup();
        return;
    }
    if (begun_) {
        end_now(1);
        return;
    }
    begun_ = true;
    common::log_info("signal", "told to end",
                     {{"drain_delay_s", common::to_seconds(drain_delay_)}});
    if (steps_.begin) steps_.begin();
    timer_->arm(time_.now() + drain_delay_, [this] { stop_accepting(); });
}

void OrderlyEnd::hand_over() {
    if (begun_) return;
    begun_ = true;
    drain_until(time_.now() + drain_delay_);
}

void OrderlyEnd::drain_until(common::Instant deadline) {
    const common::Instant now = time_.now();
    if (server_.connections() == 0) {
        end_now(0);
    } else if (now >= deadline) {
        stop_accepting();
    } else {
        timer_->arm(now + idle_look_period, [this, deadline] { drain_until(deadline); });
    }
}

void OrderlyEnd::stop_accepting() {
    server_.shut_down();
    end_when_idle();
}

void OrderlyEnd::end_when_idle() {
    if (server_.connections() == 0) {
        end_now(0);
        return;
    }
    timer_->arm(time_.now() + idle_look_period, [this] { end_when_idle(); });
}

void OrderlyEnd::end_now(int exit_code) {
    if (std::exchange(ended_, true)) return;
    exit_code_ = exit_code;
    timer_->disarm();
    signals_.cancel();
    steps_.end();
}

}  // namespace activator
