#include "common/async/task_group.hpp"

#include <exception>
#include <string>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include "common/core/check.hpp"
#include "common/log/log.hpp"

namespace common {

LoopExecutor loop_executor(const boost::asio::any_io_executor& executor) {
    const LoopExecutor* loop = executor.target<LoopExecutor>();
    CHECK(loop != nullptr);
    return *loop;
}

TaskGroup::TaskGroup(const boost::asio::any_io_executor& executor)
    : executor_(loop_executor(executor)) {}

TaskGroup::~TaskGroup() {
    CHECK(size_ == 0);
}

bool TaskGroup::spawn(const char* name, awaitable<void> task) {
    if (closed_) return false;
    ++size_;
    boost::asio::co_spawn(executor_, std::move(task), [this, name](std::exception_ptr failure) {
        if (failure) {
            ++failures_;
            std::string what;
            try {
                std::rethrow_exception(failure);
            } catch (const std::exception& e) {
                what = e.what();
            } catch (...) {
                what = "unknown exception";
            }
            log_error("task_failed", "an exception escaped from a task",
                      {{"task", name}, {"what", what}});
        }
        ended();
    });
    return true;
}

void TaskGroup::close() {
    closed_ = true;
}

void TaskGroup::when_empty(std::function<void()> on_empty) {
    on_empty_ = std::move(on_empty);
    if (size_ == 0) boost::asio::post(executor_, std::exchange(on_empty_, nullptr));
}

void TaskGroup::ended() {
    CHECK(size_ > 0);
    if (--size_ == 0 && on_empty_) boost::asio::post(executor_, std::exchange(on_empty_, nullptr));
}

}  // namespace common
