#include "common/http/server_connection.hpp"

#include <array>
#include <exception>
#include <utility>

#include <boost/asio/error.hpp>

#include "common/http/serialize.hpp"
#include "common/http/simple_response.hpp"

namespace common {
namespace {

namespace asio = boost::asio;

// A head fits in this nearly always; a larger one grows the buffer.
constexpr std::size_t head_read_bytes = 4096;
// Enough to notice the client's end, or the start of a pipelined request; a waiting request holds
// it.
constexpr std::size_t background_read_bytes = 64;
constexpr std::size_t body_read_bytes = std::size_t{64} << 10;
// Read buffer that an idle connection may keep.
constexpr std::size_t idle_capacity_max = 2 * head_read_bytes;
// What we read and drop after an early answer so that the client gets to read it (a reset would
// destroy it).
constexpr std::size_t linger_bytes_max = std::size_t{256} << 10;
constexpr Duration linger_time_max = std::chrono::seconds(2);

}  // namespace

ServerConnection::ServerConnection(std::unique_ptr<Stream> stream, Context& context)
    : stream_(std::move(stream)),
      context_(context),
      parser_(context.limits.parser),
      read_watchdog_(context.time, [this] { cancel(); }),
      write_watchdog_(context.time, [this] { cancel(); }),
      read_done_(stream_->executor()),
      write_done_(stream_->executor()) {}

ServerConnection::~ServerConnection() {
    unwatch_hangup();
}

awaitable<void> ServerConnection::run() {
    std::exception_ptr failure;
    while (!closed_) {
        begin_request();
        const HeadRead head = co_await read_head();
        context_.large_heads_bytes -= std::exchange(large_head_bytes_, 0);
        if (head == HeadRead::closed) break;
        if (head == HeadRead::http2) {
            found_http2_ = true;
            co_return;
        }
        if (head == HeadRead::refused) {
            co_await linger();
            break;
        }
        idle_ = false;
        if (request_.upgrade && context_.limits.http2) co_await upgrade_to_http2();
        if (found_http2_) co_return;
        serving_ = true;
        if (++requests_ == context_.limits.requests_per_connection_max) request_.keep_alive = false;
        try {
            co_await context_.handler(*this);
        } catch (...) {
            failure = std::current_exception();  // a bug: it goes on up when the reads have ended
        }
        serving_ = false;
        watch_client(nullptr);
        if (failure) abort();
        end_broken_response();
        if (closed_) break;
        if (!may_keep_alive()) {
            if (response_done_ && !client_gone_ && !upgraded_) co_await linger();
            break;
        }
        idle_ = true;
    }
    close_now();
    // The handler of a cancelled read must not find us gone.
    while (read_pending_)
        co_await read_done_.wait();
    if (failure) std::rethrow_exception(failure);
}

// A response that was begun and not finished must not look finished: a clean end of the connection
// ends a body of unknown length.
void ServerConnection::end_broken_response() {
    if (response_started_ && !response_done_ && !upgraded_) abort();
}

void ServerConnection::begin_request() {
    request_.fields.clear();  // keeps its memory; the rest is written by the parser
    request_.target.clear();
    request_.body = {};
    request_.keep_alive = true;
    request_.upgrade = request_.expect_continue = false;
    parser_.begin_request(request_);
    trailers_.clear();
    response_started_ = response_done_ = false;
    body_seen_last_ = false;
    // A buffer that grew for a body is not kept for the time until the next request.
    if (!read_pending_ && input_.capacity() > idle_capacity_max) input_.shrink();
}

awaitable<ServerConnection::HeadRead> ServerConnection::read_head() {
    // The first request's time counts from accept; a later one's from its first byte (contract
    // queue-proxy.md 2).
    bool started = first_request_ || !input_.empty();
    set_head_deadline(started);
    while (parser_.phase() == MessageParser::Phase::head) {
        const Preface begun = first_request_ ? preface() : Preface::no;
        if (begun == Preface::whole) {
            read_watchdog_.clear();
            co_return HeadRead::http2;
        }
        if (!input_.empty() && begun == Preface::no) {
            const MessageParser::Step step = parser_.parse(input_.data());
            input_.consume(step.consumed);
            if (step.error != ParseError::none) {
                co_await refuse(step.error);
                co_return HeadRead::refused;
            }
            if (parser_.phase() != MessageParser::Phase::head) break;
            idle_ = false;
            if (!started) set_head_deadline(true);
            started = true;
        }
        if (context_.closing && idle_) co_return HeadRead::closed;
        if (!count_large_head()) {
            co_await refuse(ParseError::header_too_large);
            co_return HeadRead::refused;
        }
        // As fill(), without a coroutine for it: every request comes through here.
        error_code ec;
        if (closed_ || (read_pending_ && read_cancelled_)) {
            ec = co_await fill(head_read_bytes);
        } else {
            const std::size_t before = input_.size();
            if (!read_pending_) start_read(head_read_bytes);
            while (read_pending_)
                co_await read_done_.wait();
            if (input_.size() == before) ec = read_error_;
        }
        // The deadline may pass in the same turn in which bytes came: then nothing was cancelled.
        if (!ec && !read_watchdog_.expired()) continue;
        // A half-sent head gets an answer; a silent connection is just closed.
        const bool late = read_watchdog_.expired() && (!idle_ || !input_.empty());
        if (late) co_await refuse(ParseError::bad_message);
        co_return late ? HeadRead::refused : HeadRead::closed;
    }
    first_request_ = false;
    read_watchdog_.clear();
    co_return HeadRead::request;
}

void ServerConnection::set_head_deadline(bool started) {
    const Duration limit = started ? context_.limits.head_timeout : context_.limits.idle_timeout;
    const bool limited = limit > Duration::zero();
    read_watchdog_.set(limited ? context_.time.now() + limit : Instant::max());
}

// False if incomplete heads together hold more than they may, this one being a large one.
bool ServerConnection::count_large_head() {
    const std::size_t held =
        input_.size() + request_.target.size() + request_.fields.capacity_bytes();
    const std::size_t bytes = held > head_read_bytes ? held - head_read_bytes : 0;
    context_.large_heads_bytes += bytes - std::exchange(large_head_bytes_, bytes);
    return bytes == 0 || context_.large_heads_bytes <= context_.limits.large_heads_bytes_max;
}

awaitable<void> ServerConnection::refuse(ParseError error) {
    int status = 400;
    if (error == ParseError::header_too_large) status = 431;
    if (error == ParseError::target_too_long) status = 414;
    if (error == ParseError::unsupported_transfer) status = 501;
    if (error == ParseError::bad_version) status = 505;
    request_.keep_alive = false;
    input_.consume(input_.size());
    const std::string body = std::to_string(status) + " " + std::string(reason_phrase(status));
    co_await respond_text(*this, status, body);
}

// Ends the sending side and drops what the client still sends, for a bounded while.
awaitable<void> ServerConnection::linger() {
    stream_->shutdown_send();
    read_watchdog_.set(context_.time.now() + linger_time_max);
    std::size_t dropped = input_.size();
    input_.consume(input_.size());
    while (dropped < linger_bytes_max && !read_watchdog_.expired()) {
        const error_code ec = co_await fill(head_read_bytes);
        if (ec) break;
        dropped += input_.size();
        input_.consume(input_.size());
    }
    read_watchdog_.clear();
}

bool ServerConnection::may_keep_alive() const {
    return response_done_ && body_done() && request_.keep_alive && response_keep_alive_ &&
           !client_gone_ && !context_.closing && !upgraded_;
}

void ServerConnection::close_when_idle() {
    if (idle_) close_now();
}

void ServerConnection::close_now() {
    if (closed_) return;
    unwatch_hangup();
    closed_ = true;
    stream_->close();
}

void ServerConnection::abort() {
    if (closed_) return;
    unwatch_hangup();
    closed_ = true;
    stream_->close(true);
}

void ServerConnection::cancel() {
    // A read that has brought its bytes already cannot be cancelled, but whoever waits for more
    // than those has to learn of it.
    read_cancelled_ = true;
    stream_->cancel();
}

// --- Reading.

void ServerConnection::start_read(std::size_t bytes) {
    read_pending_ = true;
    read_cancelled_ = false;
    stream_->async_read_some(input_.prepare(bytes),
                             [this](error_code ec, std::size_t n) { on_read(ec, n); });
}

void ServerConnection::on_read(error_code ec, std::size_t n) {
    read_error_ = ec;
    if (!ec) input_.commit(n);
    if (on_gone_) {
        if (ec && ec != asio::error::operation_aborted) {
            client_left();
        } else if (!ec) {
            watch_hangup();  // bytes of a next request hide the client's end from now on
        }
    }
    // Only now: as long as a read is pending, run() does not return and we live.
    read_pending_ = false;
    read_done_.resume();
}

// Waits for bytes: those of the read under way, or of a new one of up to `bytes`.
awaitable<error_code> ServerConnection::fill(std::size_t bytes) {
    if (closed_) co_return asio::error::operation_aborted;
    const std::size_t before = input_.size();
    // A background read that was cancelled before we came says nothing about the client.
    const bool cancelled_before = read_pending_ && read_cancelled_;
    if (!read_pending_) start_read(bytes);
    while (read_pending_)
        co_await read_done_.wait();
    if (cancelled_before && read_error_ == asio::error::operation_aborted && !closed_) {
        start_read(bytes);
        while (read_pending_)
            co_await read_done_.wait();
    }
    if (input_.size() > before) co_return error_code{};
    co_return read_error_;
}

std::optional<BodyRead> ServerConnection::body_at_hand() {
    BodyRead read;
    if (body_done()) {
        if (body_seen_last_) return std::nullopt;
        body_seen_last_ = true;
        read.piece.last = true;
        return read;
    }
    if (input_.empty() || read_pending_) return std::nullopt;
    const MessageParser::Step step = parser_.parse(input_.data());
    input_.consume(step.consumed);
    if (step.error != ParseError::none) {
        read.ec = make_error_code(boost::system::errc::bad_message);
        return read;
    }
    if (step.body.empty() && !body_done()) return std::nullopt;
    read.piece.parts = step.body;
    read.piece.bytes = count_bytes(step.body);
    read.piece.last = body_seen_last_ = body_done();
    return read;
}

awaitable<BodyRead> ServerConnection::read_body() {
    BodyRead read;
    while (true) {
        const std::optional<BodyRead> at_hand = body_at_hand();
        if (at_hand) co_return *at_hand;
        if (body_seen_last_) {
            read.piece.last = true;
            co_return read;
        }
        read_watchdog_.set(context_.time.now() + context_.limits.body_timeout);
        read.ec = co_await fill(body_read_bytes);
        const bool late = read_watchdog_.expired();
        read_watchdog_.clear();
        if (read.ec) {
            if (late || read.ec != asio::error::operation_aborted) client_left();
            co_return read;
        }
        if (read_cancelled_ && !late) {
            const std::optional<BodyRead> arrived = body_at_hand();
            if (arrived) co_return *arrived;
            read.ec = asio::error::operation_aborted;
            co_return read;
        }
    }
}

void ServerConnection::release_memory() {
    if (!read_pending_) input_.shrink();
    request_.fields.shrink();
}

// --- The client's presence.

void ServerConnection::watch_client(std::function<void()> on_gone) {
    on_gone_ = std::move(on_gone);
    if (!on_gone_) {
        unwatch_hangup();
        return;
    }
    if (read_pending_ && !read_cancelled_) return;
    // Without a body to read, a background read notices the end for free; behind unread bytes only
    // the kernel knows.
    if (body_done() && input_.empty() && !read_pending_) {
        start_read(background_read_bytes);
    } else {
        watch_hangup();
    }
}

void ServerConnection::watch_hangup() {
    const int descriptor = stream_->native_handle();
    if (hangup_watched_ || closed_ || descriptor < 0) return;
    hangup_watched_ = true;
    context_.hangups.add(descriptor, [this] {
        hangup_watched_ = false;
        client_left();
    });
}

void ServerConnection::unwatch_hangup() {
    if (!hangup_watched_) return;
    hangup_watched_ = false;
    context_.hangups.remove(stream_->native_handle());
}

void ServerConnection::client_left() {
    client_gone_ = true;
    unwatch_hangup();
    if (on_gone_) {
        const std::function<void()> tell = std::exchange(on_gone_, nullptr);
        tell();
    }
}

// --- Upgraded connections.

awaitable<error_code> ServerConnection::send_upgrade(const ResponseHead& head) {
    response_started_ = true;
    upgraded_ = true;
    watch_client(nullptr);  // from now on the tunnel reads, and sees the end itself
    append_response_head(output_, head);
    co_return co_await flush();
}

awaitable<IoResult> ServerConnection::read_tunnel(std::string_view& bytes) {
    IoResult result;
    if (input_.empty()) result.ec = co_await fill(body_read_bytes);
    bytes = input_.data();
    result.n = bytes.size();
    input_.consume(bytes.size());
    co_return result;
}

awaitable<error_code> ServerConnection::write_tunnel(std::string_view bytes) {
    const std::array<asio::const_buffer, 1> buffers{asio::const_buffer(bytes.data(), bytes.size())};
    co_return co_await write(buffers);
}

}  // namespace common
