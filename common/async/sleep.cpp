#include "common/async/sleep.hpp"

#include <boost/asio/this_coro.hpp>

#include "common/async/signal.hpp"

namespace common {

awaitable<void> sleep_for(TimeSource& time, Duration duration) {
    Signal woken(co_await boost::asio::this_coro::executor);
    const std::unique_ptr<Timer> timer = time.make_timer();
    timer->arm(time.now() + duration, [&woken] { woken.resume(); });
    co_await woken.wait();
}

}  // namespace common
