#include "common/http2/client_pool.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>

namespace common {

Http2ClientPool::Connection Http2ClientPool::find(const Address& address) {
    const auto it = backends_.find(address);
    if (it == backends_.end()) return nullptr;
    for (const Connection& connection : it->second.connections) {
        if (connection->has_room()) return connection;
    }
    return nullptr;
}

bool Http2ClientPool::is_undecided(const Address& address) {
    const auto it = backends_.find(address);
    if (it == backends_.end()) return false;
    const std::vector<Connection>& all = it->second.connections;
    return it->second.dialling || std::any_of(all.begin(), all.end(), [](const Connection& one) {
               return one->undecided();
           });
}

void Http2ClientPool::wake(Backend& backend, error_code ec) {
    for (Waiter* waiter : std::exchange(backend.waiters, {})) {
        waiter->ec = ec;
        waiter->woken.notify();
    }
}

// Leaves `found` empty if it is up to the caller to make a connection. Bounded: a peer may never
// say its limit.
awaitable<error_code> Http2ClientPool::wait_for_others(Address address, Connection& found) {
    const boost::asio::any_io_executor executor = co_await boost::asio::this_coro::executor;
    Waiter waiter(executor);
    Watchdog watchdog(time_, [&waiter] { waiter.woken.notify(); });
    watchdog.set(time_.now() + options_.connect_timeout);
    while (!found && !watchdog.expired() && is_undecided(address)) {
        backends_[address].waiters.push_back(&waiter);
        co_await waiter.woken.wait();
        const auto it = backends_.find(address);
        if (it != backends_.end()) std::erase(it->second.waiters, &waiter);
        if (waiter.ec) co_return waiter.ec;
        found = find(address);
    }
    co_return error_code{};
}

awaitable<error_code> Http2ClientPool::make(Address address, Connection& made) {
    backends_[address].dialling = true;
    DialResult dialled = co_await dial_backend(time_, address, secure_, options_.connect_timeout);
    Backend& backend = backends_[address];
    backend.dialling = false;
    if (dialled.ec) {
        wake(backend, dialled.ec);
        co_return dialled.ec;
    }
    made =
        std::make_shared<Http2ClientConnection>(std::move(dialled.stream), time_, options_.limits);
    made->when_decided([this, address] {
        const auto it = backends_.find(address);
        if (it != backends_.end()) wake(it->second, {});
    });
    std::erase_if(backend.connections, [](const Connection& old) {
        if (old->finished()) old->retire();  // it may outlive us
        return old->finished();
    });
    backend.connections.push_back(made);
    made->start();
    co_return error_code{};
}

awaitable<Http2ClientPool::Connected> Http2ClientPool::get(Address address, bool fresh) {
    Connected result;
    Connection connection;
    if (!fresh) {
        connection = find(address);
        if (!connection) result.ec = co_await wait_for_others(address, connection);
        if (result.ec) co_return result;
    }
    if (!connection) result.ec = co_await make(address, connection);
    if (connection) result.exchange = std::make_unique<Http2BackendExchange>(std::move(connection));
    co_return result;
}

bool Http2ClientPool::sweep() {
    const Instant now = time_.now();
    for (auto it = backends_.begin(); it != backends_.end();) {
        Backend& backend = it->second;
        std::erase_if(backend.connections, [&](const Connection& connection) {
            if (connection->streams() > 0) return false;
            const bool old = now - connection->idle_since() >= options_.idle_timeout;
            return old || connection->finished();
        });
        const bool empty =
            backend.connections.empty() && backend.waiters.empty() && !backend.dialling;
        it = empty ? backends_.erase(it) : std::next(it);
    }
    return !backends_.empty();
}

void Http2ClientPool::forget(const Address& address) {
    const auto it = backends_.find(address);
    if (it == backends_.end()) return;
    for (const Connection& connection : std::exchange(it->second.connections, {}))
        connection->retire();
    wake(it->second, {});
}

void Http2ClientPool::clear() {
    for (auto& [address, backend] : backends_) {
        for (const Connection& connection : std::exchange(backend.connections, {}))
            connection->retire();
        wake(backend, boost::asio::error::operation_aborted);
    }
    backends_.clear();
}

}  // namespace common
