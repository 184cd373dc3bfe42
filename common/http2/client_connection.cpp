#include "common/http2/client_connection.hpp"

#include <nghttp2/nghttp2.h>

#include <utility>

#include <boost/asio/error.hpp>

#include "common/core/check.hpp"
#include "common/core/parse.hpp"
#include "common/http2/submit.hpp"

namespace common {
namespace {

namespace asio = boost::asio;

// Interim responses that wait for a slow client; an application sends one or two.
constexpr std::size_t heads_max = 32;

const error_code not_supported = make_error_code(boost::system::errc::operation_not_supported);
const error_code bad_message = make_error_code(boost::system::errc::bad_message);

}  // namespace

Http2ClientConnection::Http2ClientConnection(std::unique_ptr<Stream> stream, TimeSource& time,
                                             const Http2Limits& limits)
    : Http2Session(Role::client, std::move(stream), time, limits), idle_since_(time.now()) {}

bool Http2ClientConnection::finished() const {
    return closed() || going_away_ || retired_ ||
           nghttp2_session_check_request_allowed(codec()) == 0;
}

bool Http2ClientConnection::has_room() const {
    if (finished()) return false;
    if (!settings_seen()) return streams_ == 0;
    return streams_ <
           nghttp2_session_get_remote_settings(codec(), NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

void Http2ClientConnection::retire() {
    retired_ = true;
    on_decided_ = nullptr;
    if (streams_ == 0) close();
}

void Http2ClientConnection::stream_begins() {
    ++streams_;
    ++streams_begun_;
}

void Http2ClientConnection::stream_ends() {
    CHECK(streams_ > 0);
    if (--streams_ > 0) return;
    idle_since_ = time().now();
    if (retired_) close();
}

// --- One exchange.

Http2BackendExchange::Http2BackendExchange(std::shared_ptr<Http2ClientConnection> connection)
    : Http2Stream(*connection),
      connection_(std::move(connection)),
      reused_(connection_->streams_begun_ > 0) {
    connection_->stream_begins();
}

Http2BackendExchange::~Http2BackendExchange() {
    leave(NGHTTP2_CANCEL);
    connection_->stream_ends();
}

void Http2BackendExchange::start_request(const RequestHead& head) {
    unsent_ = head;
    to_head_request_ = head.method == "HEAD";
}

// Hands the head to the codec. False if the connection takes no stream any more.
bool Http2BackendExchange::submit(bool whole) {
    if (!unsent_) return true;
    if (connection_->finished()) return false;
    const std::int32_t id = submit_request(session().codec(), *unsent_, *this, !whole);
    if (id < 0) return false;
    set_id(id);
    unsent_.reset();
    if (whole) output_is_whole();
    return true;
}

awaitable<error_code> Http2BackendExchange::send_body(BodyPiece piece) {
    const bool whole =
        unsent_ && ((piece.last && piece.bytes == 0) || unsent_->body.kind == BodyKind::none);
    if (!submit(whole)) co_return asio::error::connection_aborted;
    if (output_ended()) {
        session().pump();
        co_return broken() ? cause() : error_code{};
    }
    co_return co_await send(piece);
}

awaitable<error_code> Http2BackendExchange::flush() {
    if (!unsent_) co_return error_code{};
    if (!submit(unsent_->body.kind == BodyKind::none)) co_return asio::error::connection_aborted;
    session().pump();
    co_return broken() ? cause() : error_code{};
}

std::uint64_t Http2BackendExchange::bytes_sent() const {
    const bool begun = head_left() && !refused();
    return begun ? 1 + output_bytes() : 0;
}

void Http2BackendExchange::on_head(Http2Block block) {
    response_seen_ = true;
    ResponseHead head;
    head.version = 20;
    head.status = block.status;
    head.fields = std::move(block.fields);
    const bool final_head = head.status >= 200;
    if (final_head) head_is_final();
    const std::string_view length = head.fields.get("Content-Length");
    const auto bytes = parse_int(length);
    if (!final_head || input_ended() || to_head_request_ || !status_has_body(head.status)) {
        head.body = {};
    } else if (bytes && *bytes >= 0) {
        head.body = {BodyKind::length, static_cast<std::uint64_t>(*bytes)};
    } else {
        head.body.kind = BodyKind::chunked;
    }
    // "051" is no status, though the codec takes it for three digits.
    const bool good_status = head.status >= 100 && head.status <= 999;
    if (block.too_large || !good_status || heads_.size() >= heads_max) {
        bad_head_ = true;
        nghttp2_submit_rst_stream(session().codec(), NGHTTP2_FLAG_NONE, id(), NGHTTP2_CANCEL);
        return;
    }
    heads_.push_back(std::move(head));
}

awaitable<error_code> Http2BackendExchange::read_head(ResponseHead& head) {
    while (heads_.empty()) {
        if (bad_head_) co_return bad_message;
        if (broken()) co_return cause();
        const error_code ec = co_await wait_input();
        if (ec) co_return ec;
    }
    head = std::move(heads_.front());
    heads_.pop_front();
    if (head.status >= 200) head_read_ = true;
    co_return error_code{};
}

awaitable<void> Http2BackendExchange::drain() {
    ResponseHead head;
    while (!head_read_) {
        const error_code ec = co_await read_head(head);
        if (ec) co_return;
    }
    while (!response_done()) {
        const BodyRead read = co_await read_body();
        if (read.ec) co_return;
    }
}

void Http2BackendExchange::close() {
    leave(NGHTTP2_CANCEL);
}

awaitable<IoResult> Http2BackendExchange::read_tunnel(std::string_view&) {
    const IoResult result{not_supported, 0};
    co_return result;
}

awaitable<error_code> Http2BackendExchange::write_tunnel(std::string_view) {
    co_return not_supported;
}

}  // namespace common
