// What a test of coroutines stands on: an event loop, a clock that stands still, a task group; and
// the check, at the end of each test, that nothing was left running.
#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <optional>
#include <stdexcept>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "common/async/task_group.hpp"
#include "common/net/hangup_watch.hpp"
#include "tests/support/manual_time.hpp"

namespace common {

// Runs `io` until `task` has ended; returns its value, rethrows what escaped from it. Throws
// std::runtime_error if it has not ended after 10 s of real time: a lost wake-up, not a slow
// machine.
template <class T>
T run(boost::asio::io_context& io, awaitable<T> task) {
    constexpr bool is_void = std::is_void_v<T>;
    std::optional<std::conditional_t<is_void, bool, T>> result;
    std::exception_ptr failure;
    bool ended = false;
    const auto finish = [&](std::exception_ptr e) {
        failure = e;
        ended = true;
    };
    if constexpr (is_void) {
        boost::asio::co_spawn(io, std::move(task), finish);
    } else {
        boost::asio::co_spawn(io, std::move(task), [&](std::exception_ptr e, T value) {
            result.emplace(std::move(value));
            finish(e);
        });
    }
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!ended && std::chrono::steady_clock::now() < give_up) {
        io.restart();
        io.run_one_for(std::chrono::milliseconds(100));
    }
    if (failure) std::rethrow_exception(failure);
    if (!ended) throw std::runtime_error("the coroutine never ended");
    if constexpr (!is_void) return std::move(*result);
}

// Runs `io`, real sockets included, until `done()`; false after 10 s.
bool run_until(boost::asio::io_context& io, const std::function<bool()>& done);

// Fails the test in its destructor if tasks are left, one of them failed, or a timer is still
// armed. What a failing test left running is leaked, not destroyed: its report is worth more than
// the abort that a task group with live tasks would end in.
class ShellFixture {
    struct Parts {
        boost::asio::io_context io{1};
        ManualTime time{io};
        TaskGroup tasks{io.get_executor()};
        HangupWatch hangups{io.get_executor()};
    };
    Parts* parts_;

  public:
    ShellFixture();
    ~ShellFixture();
    ShellFixture(const ShellFixture&) = delete;
    ShellFixture& operator=(const ShellFixture&) = delete;

    boost::asio::io_context& io;
    ManualTime& time;
    TaskGroup& tasks;
    HangupWatch& hangups;
    // Exceptions that the test lets escape from tasks.
    std::size_t failures_expected = 0;

  private:
    int exceptions_before_;
};

}  // namespace common
