#include "common/net/socket_poller.hpp"

#include <sys/epoll.h>

#include <array>

#include "common/core/check.hpp"

namespace common {
namespace {

// Sockets served in one turn of the event loop.
constexpr std::size_t events_max = 256;

}  // namespace

boost::asio::execution_context::id SocketPoller::id;

SocketPoller& SocketPoller::of(const LoopExecutor& executor) {
    return boost::asio::use_service<SocketPoller>(executor.context());
}

SocketPoller::SocketPoller(boost::asio::io_context& io)
    : service(io), epoll_(io, ::epoll_create1(EPOLL_CLOEXEC)) {}

// Handlers own coroutines, which own sockets: each call may remove others.
void SocketPoller::shutdown() {
    for (std::size_t i = 0; i < places_.size(); ++i) {
        if (places_[i].socket != nullptr) places_[i].socket->abandon();
    }
    boost::system::error_code ignored;
    epoll_.close(ignored);
}

SocketPoller::Id SocketPoller::add(int descriptor, Socket& socket) {
    if (free_.empty()) {
        free_.push_back(static_cast<Id>(places_.size()));
        places_.emplace_back();
    }
    const Id fresh = free_.back();
    Place& place = places_[fresh];
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP | EPOLLET;
    event.data.u64 = std::uint64_t{place.generation} << 32 | fresh;
    if (::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_ADD, descriptor, &event) != 0) return none;
    free_.pop_back();
    place.socket = &socket;
    return fresh;
}

void SocketPoller::remove(Id place, int descriptor) {
    CHECK(place < places_.size() && places_[place].socket != nullptr);
    places_[place].socket = nullptr;
    ++places_[place].generation;
    free_.push_back(place);
    // Not left to close(): a child that was forked a moment ago may still hold the socket open.
    ::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_DEL, descriptor, nullptr);
}

void SocketPoller::operation_started() {
    ++operations_;
    wait();
}

void SocketPoller::operation_ended() {
    CHECK(operations_ > 0);
    --operations_;
    if (operations_ > 0 || !waiting_) return;
    boost::system::error_code ignored;
    epoll_.cancel(ignored);
}

void SocketPoller::wait() {
    if (waiting_ || operations_ == 0) return;
    waiting_ = true;
    epoll_.async_wait(epoll_.wait_read, [this](const boost::system::error_code& ec) {
        waiting_ = false;
        if (!ec) collect();
        wait();
    });
}

void SocketPoller::collect() {
    std::array<epoll_event, events_max> events;
    const int n =
        ::epoll_wait(epoll_.native_handle(), events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < n; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        const std::uint64_t tag = event.data.u64;
        const Place place = places_[static_cast<Id>(tag)];
        const bool current = place.socket != nullptr && place.generation == tag >> 32;
        if (current) place.socket->on_ready(event.events, ended_);
    }
    // All have read before anybody is called: what they send then goes out in one burst, which
    // finds its receivers awake. Woken one by one they cost us twice as much.
    for (Ended& one : ended_)
        one.handler(one.result.ec, one.result.n);
    ended_.clear();
}

}  // namespace common
