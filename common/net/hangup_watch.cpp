#include "common/net/hangup_watch.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <unordered_map>
#include <utility>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "common/core/check.hpp"

namespace common {

namespace asio = boost::asio;

struct HangupWatch::State {
    explicit State(const asio::any_io_executor& executor)
        : epoll(executor, ::epoll_create1(EPOLL_CLOEXEC)) {}

    // The handler may run after the watch is gone.
    static void wait(const std::shared_ptr<State>& state) {
        if (state->waiting || state->watched.empty()) return;
        state->waiting = true;
        state->epoll.async_wait(asio::posix::stream_descriptor::wait_read,
                                [weak = std::weak_ptr<State>(state)](boost::system::error_code ec) {
                                    const auto alive = weak.lock();
                                    if (!alive) return;
                                    alive->waiting = false;
                                    if (!ec) alive->collect();
                                    wait(alive);
                                });
    }

    void collect() {
        std::array<epoll_event, 64> events;
        const int n =
            ::epoll_wait(epoll.native_handle(), events.data(), static_cast<int>(events.size()), 0);
        for (int i = 0; i < n; ++i) {
            const int descriptor = events[static_cast<std::size_t>(i)].data.fd;
            const auto it = watched.find(descriptor);
            if (it == watched.end()) continue;
            const std::function<void()> on_hangup = std::move(it->second);
            drop(descriptor);
            on_hangup();
        }
    }

    void drop(int descriptor) {
        if (watched.erase(descriptor) == 0) return;
        ::epoll_ctl(epoll.native_handle(), EPOLL_CTL_DEL, descriptor, nullptr);
        // An event loop ends when nothing is left to wait for.
        if (watched.empty()) epoll.cancel();
    }

    asio::posix::stream_descriptor epoll;
    std::unordered_map<int, std::function<void()>> watched;
    bool waiting = false;
};

HangupWatch::HangupWatch(asio::any_io_executor executor)
    : state_(std::make_shared<State>(executor)) {}

HangupWatch::~HangupWatch() = default;

void HangupWatch::add(int descriptor, std::function<void()> on_hangup) {
    CHECK(descriptor >= 0);
    CHECK(!state_->watched.contains(descriptor));
    epoll_event event{};
    event.events = EPOLLRDHUP;
    event.data.fd = descriptor;
    if (::epoll_ctl(state_->epoll.native_handle(), EPOLL_CTL_ADD, descriptor, &event) != 0) return;
    state_->watched.emplace(descriptor, std::move(on_hangup));
    State::wait(state_);
}

void HangupWatch::remove(int descriptor) {
    state_->drop(descriptor);
}

}  // namespace common
