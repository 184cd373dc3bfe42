#include "common/forward/backend_pool.hpp"

#include <algorithm>
#include <utility>

#include "common/core/check.hpp"
#include "common/forward/backend_connection.hpp"

namespace common {
namespace {

Http2ClientPool::Options http2_options(const BackendPool::Options& options) {
    Http2ClientPool::Options http2{options.idle_timeout, options.connect_timeout, {}};
    http2.limits.header_bytes_max = options.parser.header_bytes_max;
    http2.limits.field_count_max = options.parser.field_count_max;
    return http2;
}

}  // namespace

BackendPool::BackendPool(TimeSource& time, Options options)
    : time_(time),
      options_(options),
      http2_(time, http2_options(options)),
      sweeper_(time.make_timer()) {}

BackendPool::~BackendPool() = default;

void BackendPool::secure_with(Secure secure) {
    secure_ = std::move(secure);
    http2_.secure_with(secure_);
}

std::unique_ptr<BackendExchange> BackendPool::get_idle(const Address& address, Protocol protocol) {
    if (protocol == Protocol::http2) return nullptr;
    const auto it = idle_.find(address);
    if (it == idle_.end()) return nullptr;
    const Instant now = time_.now();
    std::unique_ptr<BackendExchange> found;
    while (!it->second.empty() && !found) {
        Idle idle = std::move(it->second.back());
        it->second.pop_back();
        --idle_count_;
        const Duration idle_for = now - idle.since;
        const bool fresh = idle_for < options_.idle_timeout;
        if (fresh && !idle.connection->stale(idle_for)) found = std::move(idle.connection);
    }
    return found;  // an entry without connections stays until the next sweep: it will be used again
}

awaitable<BackendPool::Connected> BackendPool::get(Address address, bool fresh, Protocol protocol) {
    if (protocol == Protocol::http2) co_return co_await get_http2(std::move(address), fresh);
    Connected result;
    if (!fresh) result.connection = get_idle(address, protocol);
    if (result.connection) co_return result;
    DialResult dialled = co_await dial_backend(time_, address, secure_, options_.connect_timeout);
    result.ec = dialled.ec;
    if (!dialled.ec) {
        result.connection =
            std::make_unique<BackendConnection>(std::move(dialled.stream), options_.parser);
    }
    co_return result;
}

awaitable<BackendPool::Connected> BackendPool::get_http2(Address address, bool fresh) {
    Http2ClientPool::Connected connected = co_await http2_.get(std::move(address), fresh);
    start_sweeping();
    Connected result;
    result.ec = connected.ec;
    result.connection = std::move(connected.exchange);
    co_return result;
}

void BackendPool::put(const Address& address, std::unique_ptr<BackendExchange> connection) {
    if (!connection || !connection->reusable()) return;
    connection->release_memory();
    std::vector<Idle>& idle = idle_[address];
    idle.push_back({std::move(connection), time_.now()});
    ++idle_count_;
    if (idle.size() > options_.idle_per_address_max) {
        idle.erase(idle.begin());
        --idle_count_;
    }
    if (options_.idle_max > 0 && idle_count_ > options_.idle_max) drop_oldest();
    start_sweeping();
}

// Looks at each address once: whoever has so many idle connections that this happens often has one
// or more for each.
void BackendPool::drop_oldest() {
    auto oldest = idle_.end();
    for (auto it = idle_.begin(); it != idle_.end(); ++it) {
        if (it->second.empty()) continue;
        if (oldest == idle_.end() || it->second.front().since < oldest->second.front().since)
            oldest = it;
    }
    CHECK(oldest != idle_.end());
    oldest->second.erase(oldest->second.begin());
    --idle_count_;
}

void BackendPool::start_sweeping() {
    if (sweeping_) return;
    sweeping_ = true;
    sweeper_->arm(time_.now() + options_.idle_timeout, [this] { sweep(); });
}

void BackendPool::sweep() {
    const Instant now = time_.now();
    for (auto it = idle_.begin(); it != idle_.end();) {
        std::vector<Idle>& idle = it->second;
        const auto is_young = [&](const Idle& one) {
            return now - one.since < options_.idle_timeout;
        };
        const auto young = std::find_if(idle.begin(), idle.end(), is_young);
        idle_count_ -= static_cast<std::size_t>(young - idle.begin());
        idle.erase(idle.begin(), young);
        it = idle.empty() ? idle_.erase(it) : std::next(it);
    }
    const bool http2_left = http2_.sweep();
    sweeping_ = http2_left || !idle_.empty();
    if (sweeping_) sweeper_->arm(now + options_.idle_timeout, [this] { sweep(); });
}

void BackendPool::forget(const Address& address) {
    const auto it = idle_.find(address);
    if (it != idle_.end()) {
        idle_count_ -= it->second.size();
        idle_.erase(it);
    }
    http2_.forget(address);
}

void BackendPool::clear() {
    idle_.clear();
    idle_count_ = 0;
    http2_.clear();
    sweeper_->disarm();
    sweeping_ = false;
}

}  // namespace common
