#include "common/async/signal.hpp"

#include <utility>

#include <boost/asio/post.hpp>

#include "common/core/check.hpp"

namespace common {

void Signal::notify() {
    notified_ = true;
    if (waiter_) boost::asio::post(executor_, std::move(waiter_));
}

void Signal::resume() {
    notified_ = true;
    if (waiter_) waiter_();
}

// Not a coroutine of its own: every request waits here.
awaitable<void> Signal::wait() {
    if (notified_) return take();
    return boost::asio::async_initiate<decltype(use_awaitable)&, void()>(
        [this](auto handler) {
            CHECK(!waiter_);
            waiter_ = Waiter([this, handler = std::move(handler)]() mutable {
                notified_ = false;
                std::move(handler)();
            });
        },
        use_awaitable);
}

awaitable<void> Signal::take() {
    notified_ = false;
    co_return;
}

}  // namespace common
