// How an activator ends (contract activator.md 7): after the first SIGTERM or SIGINT requests are
// taken for a while longer, while whoever sends them learns that we go; then nothing new is
// accepted, and what runs or waits may end. A second signal ends at once, with exit code 1.
#pragma once

#include <functional>
#include <memory>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include "activator/gateway.hpp"
#include "common/time/time_source.hpp"

namespace activator {

class OrderlyEnd {
  public:
    struct Steps {
        std::function<void()> on_hangup;  // SIGHUP
        // Everything that keeps the event loop going stops. Called once.
        std::function<void()> end;
        // The first signal has come. May be null.
        std::function<void()> begin;
    };
    // Of whatever serves requests.
    struct Server {
        std::function<void()> shut_down;
        std::function<std::size_t()> connections;
    };
    // All outlive it.
    OrderlyEnd(boost::asio::io_context& io, common::TimeSource& time, Server server,
               common::Duration drain_delay, Steps steps);
    OrderlyEnd(boost::asio::io_context& io, common::TimeSource& time, Gateway& gateway,
               common::Duration drain_delay, Steps steps);

    void start();
    // Another process accepts now, and the server has been told so: what we have is served to its
    // end. Connections without a request are kept for as long as requests would be taken after a
    // signal. A signal then ends it at once.
    void hand_over();
    bool begun() const { return begun_; }
    // Without waiting for anybody, with this exit code.
    void end_now(int exit_code);
    int exit_code() const { return exit_code_; }

  private:
    void wait_for_signal();
    void on_signal(int number);
    void drain_until(common::Instant deadline);
    void stop_accepting();
    void end_when_idle();

    common::TimeSource& time_;
    Server server_;
    common::Duration drain_delay_;
    Steps steps_;
    boost::asio::signal_set signals_;
    std::unique_ptr<common::Timer> timer_;
    bool begun_ = false;
    bool ended_ = false;
    int exit_code_ = 0;
};

}  // namespace activator
