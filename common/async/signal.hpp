// Wakes one waiting coroutine. The signal latches: a notification that comes before the wait is not
// lost. It carries no value: whoever notifies sets some state first, and the waiter looks at that
// state. So a coroutine that waits for "granted, or client gone, or too late" waits on one signal
// and no operation is ever raced against another (which can lose bytes: style of Asio's
// operator||).
#pragma once

#include <boost/asio/any_io_executor.hpp>

#include "common/async/awaitable.hpp"
#include "common/async/completion.hpp"

namespace common {

class Signal {
  public:
    explicit Signal(LoopExecutor executor) : executor_(executor) {}
    // REQUIRES: `executor` is an io_context's.
    explicit Signal(const boost::asio::any_io_executor& executor)
        : Signal(loop_executor(executor)) {}
    Signal(const Signal&) = delete;
    Signal& operator=(const Signal&) = delete;

    // Wakes the waiter from the event loop. Safe anywhere on the loop's thread.
    void notify();
    // Resumes the waiter before returning. Only as the last act of a callback that the event loop
    // itself made: the waiter may destroy the caller.
    void resume();
    // Returns when notified, and takes the notification. REQUIRES: nobody else waits; it is awaited
    // at once.
    awaitable<void> wait();

  private:
    awaitable<void> take();

    // A waiting request has three signals, so they are small: a coroutine's handler and `this`.
    using Waiter = Completion<void(), 2 * sizeof(void*)>;

    LoopExecutor executor_;
    Waiter waiter_;
    bool notified_ = false;
};

}  // namespace common
