#include "common/forward/backend_connection.hpp"

#include <array>
#include <utility>
#include <vector>

#include <boost/asio/error.hpp>

#include "common/http/serialize.hpp"
#include "common/net/gather.hpp"

namespace common {
namespace {

namespace asio = boost::asio;

// A head fits in this nearly always; a larger one grows the buffer, which an idle connection does
// not keep.
constexpr std::size_t head_read_bytes = 4096;
constexpr std::size_t idle_capacity_max = 2 * head_read_bytes;
constexpr std::size_t body_read_bytes = std::size_t{64} << 10;
// No server closes a connection that it has just kept for being idle so long: they count seconds.
constexpr Duration surely_alive = std::chrono::milliseconds(1);

}  // namespace

BackendConnection::BackendConnection(std::unique_ptr<Stream> stream, const ParserLimits& limits)
    : stream_(std::move(stream)), parser_(limits) {}

void BackendConnection::start_request(const RequestHead& head) {
    ++exchanges_;
    output_.clear();
    append_request_head(output_, head);
    request_body_ = head.body;
    to_head_request_ = head.method == "HEAD";
    request_done_ = head.body.kind == BodyKind::none;
    bytes_sent_ = bytes_received_ = 0;
    head_begun_ = final_head_ = response_done_ = body_seen_last_ = keep_alive_ = failed_ = false;
}

awaitable<error_code> BackendConnection::send_body(BodyPiece piece) {
    const bool chunked = request_body_.kind == BodyKind::chunked;
    const ChunkHeader chunk(piece.bytes);
    Gather message;
    message.add(output_);
    if (chunked && piece.bytes > 0) message.add(chunk.view());
    for (const std::string_view part : piece.parts)
        message.add(part);
    if (chunked && piece.bytes > 0) message.add("\r\n");
    if (chunked && piece.last) message.add("0\r\n\r\n");
    if (!message.empty()) {
        // Counted before: a write that failed may have sent some of it.
        bytes_sent_ += message.bytes();
        const IoResult sent = stream_->write_now(message.buffers());
        error_code ec = sent.ec;
        if (!ec && sent.n < message.bytes())
            ec = co_await write_rest(*stream_, message.buffers(), sent.n);
        if (ec) failed_ = true;
        if (ec) co_return ec;
    }
    output_.clear();
    if (piece.last) request_done_ = true;
    co_return error_code{};
}

awaitable<error_code> BackendConnection::flush() {
    if (output_.empty()) co_return error_code{};
    const std::array<asio::const_buffer, 1> buffers{asio::buffer(output_)};
    bytes_sent_ += output_.size();
    const error_code ec = co_await write_all(*stream_, buffers);
    if (ec) failed_ = true;
    output_.clear();
    co_return ec;
}

awaitable<error_code> BackendConnection::fill(std::size_t bytes) {
    if (cancelled_) co_return asio::error::operation_aborted;
    const asio::mutable_buffer room = input_.prepare(bytes);
    const IoResult read = co_await read_some(*stream_, room);
    co_return received(read);
}

error_code BackendConnection::received(const IoResult& read) {
    input_.commit(read.n);
    bytes_received_ += read.n;
    return read.ec;
}

awaitable<error_code> BackendConnection::read_head(ResponseHead& head) {
    const auto bad_message = make_error_code(boost::system::errc::bad_message);
    cancelled_ = false;
    if (!head_begun_) {
        head_ = {};
        parser_.begin_response(head_, to_head_request_);
        head_begun_ = true;
    }
    while (parser_.phase() == MessageParser::Phase::head) {
        if (!input_.empty()) {
            const MessageParser::Step step = parser_.parse(input_.data());
            input_.consume(step.consumed);
            if (step.error != ParseError::none) failed_ = true;
            if (step.error != ParseError::none) co_return bad_message;
            if (parser_.phase() != MessageParser::Phase::head) break;
        }
        // As fill(), without a coroutine for it: every response comes through here.
        if (cancelled_) co_return asio::error::operation_aborted;
        const IoResult read = co_await read_some(*stream_, input_.prepare(head_read_bytes));
        const error_code ec = received(read);
        if (ec && ec != asio::error::operation_aborted) failed_ = true;
        if (ec) co_return ec;
    }
    head_begun_ = false;
    final_head_ = head_.status >= 200 || head_.status == 101;
    if (final_head_) {
        keep_alive_ = head_.keep_alive && head_.status != 101;  // that one speaks HTTP no more
        response_done_ = parser_.phase() == MessageParser::Phase::done;
    }
    head = std::move(head_);
    head_ = {};
    co_return error_code{};
}

std::optional<BodyRead> BackendConnection::body_at_hand() {
    BodyRead read;
    if (response_done_) {
        if (body_seen_last_) return std::nullopt;
        body_seen_last_ = true;
        read.piece.last = true;
        return read;
    }
    if (input_.empty()) return std::nullopt;
    const MessageParser::Step step = parser_.parse(input_.data());
    input_.consume(step.consumed);
    if (step.error != ParseError::none) {
        failed_ = true;
        read.ec = make_error_code(boost::system::errc::bad_message);
        return read;
    }
    response_done_ = parser_.phase() == MessageParser::Phase::done;
    if (step.body.empty() && !response_done_) return std::nullopt;
    read.piece.parts = step.body;
    read.piece.bytes = count_bytes(step.body);
    read.piece.last = body_seen_last_ = response_done_;
    return read;
}

awaitable<BodyRead> BackendConnection::read_body() {
    BodyRead read;
    cancelled_ = false;
    while (true) {
        const std::optional<BodyRead> at_hand = body_at_hand();
        if (at_hand) co_return *at_hand;
        if (body_seen_last_) {
            read.piece.last = true;
            co_return read;
        }
        read.ec = co_await fill(body_read_bytes);
        if (!read.ec) continue;
        if (read.ec == asio::error::eof && parser_.parse_end() == ParseError::none) {
            read.ec = {};
            response_done_ = body_seen_last_ = true;
            keep_alive_ = false;
            read.piece.last = true;
            co_return read;
        }
        if (read.ec != asio::error::operation_aborted) failed_ = true;
        co_return read;
    }
}

awaitable<void> BackendConnection::drain() {
    ResponseHead head;
    while (!final_head_) {
        const error_code ec = co_await read_head(head);
        if (ec) co_return;
    }
    if (head.status == 101) co_return;
    while (!response_done_) {
        const BodyRead read = co_await read_body();
        if (read.ec) co_return;
    }
}

bool BackendConnection::reusable() const {
    return request_done_ && response_done_ && keep_alive_ && !failed_ && input_.empty();
}

void BackendConnection::release_memory() {
    if (input_.capacity() > idle_capacity_max) input_.shrink();
}

bool BackendConnection::stale(Duration idle) {
    if (idle < surely_alive && !stream_->may_be_readable()) return false;
    return stream_->readable_now();
}

awaitable<IoResult> BackendConnection::read_tunnel(std::string_view& bytes) {
    IoResult result;
    cancelled_ = false;
    if (input_.empty()) result.ec = co_await fill(body_read_bytes);
    bytes = input_.data();
    result.n = bytes.size();
    input_.consume(bytes.size());
    co_return result;
}

awaitable<error_code> BackendConnection::write_tunnel(std::string_view bytes) {
    const std::array<asio::const_buffer, 1> buffers{asio::const_buffer(bytes.data(), bytes.size())};
    co_return co_await write_all(*stream_, buffers);
}

}  // namespace common
