// The only place where coroutines are started. A group owns its tasks: it knows how many run, logs
// what escapes from them, refuses new ones once closed, and must be empty before it goes away.
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>

#include "common/async/awaitable.hpp"

namespace common {

class TaskGroup {
  public:
    // REQUIRES: `executor` is an io_context's.
    explicit TaskGroup(const boost::asio::any_io_executor& executor);
    // REQUIRES: empty. A task that outlives its group would touch dead objects.
    ~TaskGroup();
    TaskGroup(const TaskGroup&) = delete;
    TaskGroup& operator=(const TaskGroup&) = delete;

    // Starts `task` from the event loop. `name` (a literal) is for the log when an exception
    // escapes; the exception ends that task only. Returns false, and destroys the task unstarted,
    // when the group is closed.
    bool spawn(const char* name, awaitable<void> task);
    void close();
    std::size_t size() const { return size_; }
    // Calls `on_empty` from the event loop when no task runs (at once if none does). One callback
    // at a time.
    void when_empty(std::function<void()> on_empty);
    // Exceptions that escaped from tasks so far: a bug each.
    std::size_t failures() const { return failures_; }
    LoopExecutor executor() const { return executor_; }

  private:
    void ended();

    LoopExecutor executor_;
    std::function<void()> on_empty_;
    std::size_t size_ = 0;
    std::size_t failures_ = 0;
    bool closed_ = false;
};

}  // namespace common
