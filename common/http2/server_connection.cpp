#include "common/http2/server_connection.hpp"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <exception>
#include <string>
#include <utility>

#include "common/core/check.hpp"
#include "common/http/simple_response.hpp"
#include "common/http2/exchange.hpp"

namespace common {
namespace {

Http2Limits limits_of(const ServerLimits& limits) {
    Http2Limits result;
    // The contract's figure for HTTP/2 is below that for HTTP/1.1 (queue-proxy.md 2).
    result.header_bytes_max =
        std::min<std::size_t>(result.header_bytes_max, limits.parser.header_bytes_max);
    result.field_count_max = limits.parser.field_count_max;
    result.target_bytes_max = limits.parser.target_bytes_max;
    result.head_timeout = limits.head_timeout;
    result.read_timeout = limits.body_timeout;
    result.write_timeout = limits.send_timeout;
    return result;
}

// As much as an incomplete head of HTTP/1.1 has before it counts (server_connection.cpp there).
constexpr std::size_t small_head_bytes = 4096;

}  // namespace

Http2ServerConnection::Http2ServerConnection(Http2Start start, ServerConnection::Context& context,
                                             TaskGroup& tasks, std::function<void()> on_stream_end)
    : Http2Session(Role::server, std::move(start.stream), context.time, limits_of(context.limits)),
      context_(context),
      tasks_(tasks),
      on_stream_end_(std::move(on_stream_end)),
      already_read_(std::move(start.already_read)),
      idle_watchdog_(context.time, [this] { finish(); }),
      ended_(executor()) {
    if (start.upgrade) begin_upgraded(std::move(*start.upgrade));
}

Http2ServerConnection::~Http2ServerConnection() {
    CHECK(exchanges_.empty());
}

// The request that asked for it is stream 1, whole already.
void Http2ServerConnection::begin_upgraded(H2cUpgrade upgrade) {
    const int bad = nghttp2_session_upgrade2(
        codec(), reinterpret_cast<const std::uint8_t*>(upgrade.settings.data()),
        upgrade.settings.size(), upgrade.request.method == "HEAD" ? 1 : 0, nullptr);
    if (bad != 0) {
        close();
        return;
    }
    auto exchange = std::make_unique<Http2Exchange>(*this, 1);
    nghttp2_session_set_stream_user_data(codec(), 1, static_cast<Http2Stream*>(exchange.get()));
    exchange->take_upgraded(std::move(upgrade.request));
    exchanges_[1] = std::move(exchange);
}

awaitable<void> Http2ServerConnection::run() {
    on_input();  // a request that came before
    if (exchanges_.empty()) set_idle_deadline();
    start(std::exchange(already_read_, {}));
    while (true) {
        erase_unserved();
        if (closed() && exchanges_.empty()) break;
        co_await ended_.wait();
    }
}

// Without a stream.
void Http2ServerConnection::set_idle_deadline() {
    const Duration limit = context_.limits.idle_timeout;
    if (limit > Duration::zero() && !closed()) idle_watchdog_.set(context_.time.now() + limit);
}

void Http2ServerConnection::on_closed() {
    idle_watchdog_.clear();
    count_open_block(0);
    ended_.notify();
}

bool Http2ServerConnection::may_make_room() const {
    return std::none_of(exchanges_.begin(), exchanges_.end(),
                        [](const auto& exchange) { return exchange.second->head_came(); });
}

bool Http2ServerConnection::count_open_block(std::size_t held) {
    const std::size_t bytes = held > small_head_bytes ? held - small_head_bytes : 0;
    context_.large_heads_bytes += bytes - std::exchange(large_head_bytes_, bytes);
    return bytes == 0 || context_.large_heads_bytes <= context_.limits.large_heads_bytes_max;
}

// Streams without a (good) head, and those whose head came with the connection's end.
void Http2ServerConnection::erase_unserved() {
    for (Http2Exchange* exchange : std::exchange(dropped_, {}))
        erase(*exchange);
    if (!closed()) return;
    for (Http2Exchange* exchange : std::exchange(begun_, {}))
        erase(*exchange);
}

void Http2ServerConnection::announce_end() {
    if (closed()) return;
    nghttp2_submit_shutdown_notice(codec());
    pump();
}

void Http2ServerConnection::finish() {
    if (closed()) return;
    nghttp2_submit_goaway(codec(), NGHTTP2_FLAG_NONE,
                          nghttp2_session_get_last_proc_stream_id(codec()), NGHTTP2_NO_ERROR,
                          nullptr, 0);
    pump();
}

Http2Stream* Http2ServerConnection::begin_stream(std::int32_t id) {
    // Those that were reset count, too, as long as their handlers run.
    if (exchanges_.size() >= http2_streams_max || had_last_request()) return nullptr;
    idle_watchdog_.clear();
    auto exchange = std::make_unique<Http2Exchange>(*this, id);
    Http2Stream* stream = exchange.get();
    exchanges_[id] = std::move(exchange);
    return stream;
}

void Http2ServerConnection::on_input() {
    for (Http2Exchange* exchange : std::exchange(begun_, {})) {
        // One that was reset in the same breath costs no handler.
        const bool served = !exchange->client_gone() && tasks_.spawn("stream", serve(*exchange));
        if (!served) erase(*exchange);
    }
    erase_unserved();
    if (had_last_request() && !std::exchange(said_last_, true)) finish();
}

void Http2ServerConnection::serve_later(Http2Exchange& exchange) {
    begun_.push_back(&exchange);
    ++requests_;
}

bool Http2ServerConnection::had_last_request() const {
    const std::size_t limit = context_.limits.requests_per_connection_max;
    return limit > 0 && requests_ >= limit;
}

awaitable<void> Http2ServerConnection::serve(Http2Exchange& exchange) {
    std::exception_ptr failure;
    try {
        if (const int status = exchange.refusal()) {
            const std::string body =
                std::to_string(status) + " " + std::string(reason_phrase(status));
            co_await respond_text(exchange, status, body);
        } else {
            co_await context_.handler(exchange);
        }
    } catch (...) {
        failure = std::current_exception();  // a bug: it goes on up when the stream has ended
    }
    exchange.finish();
    erase(exchange);
    if (failure) std::rethrow_exception(failure);
}

void Http2ServerConnection::erase(Http2Exchange& exchange) {
    exchanges_.erase(exchange.number());
    // run() may end, and we with it, in the next turn of the event loop; not before.
    if (exchanges_.empty()) {
        ended_.notify();
        set_idle_deadline();
    }
    if (on_stream_end_) on_stream_end_();
}

}  // namespace common
