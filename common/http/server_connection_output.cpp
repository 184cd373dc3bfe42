// How a connection writes: interim heads, the response, and what of it the kernel does not take at
// once.
#include <array>
#include <utility>

#include <boost/asio/error.hpp>

#include "common/core/check.hpp"
#include "common/http/date.hpp"
#include "common/http/serialize.hpp"
#include "common/http/server_connection.hpp"
#include "common/net/gather.hpp"

namespace common {
namespace {

namespace asio = boost::asio;

// Memory of one head that is kept for the next.
constexpr std::size_t kept_capacity_max = 8192;

}  // namespace

// What the kernel takes at once, nearly always all of it: then there is no deadline to set, and no
// coroutine. What is left, and every error, is write_rest()'s.
IoResult ServerConnection::write_now(Stream::Buffers buffers) {
    if (writing_ || closed_ || output_broken_) return {};
    return stream_->write_now(buffers);
}

awaitable<error_code> ServerConnection::write(Stream::Buffers buffers) {
    const IoResult sent = write_now(buffers);
    if (!sent.ec && sent.n == asio::buffer_size(buffers)) co_return error_code{};
    co_return co_await write_rest(buffers, sent);
}

awaitable<error_code> ServerConnection::write_rest(Stream::Buffers buffers, IoResult sent) {
    while (writing_)
        co_await write_done_.wait();
    if (closed_ || output_broken_) co_return asio::error::operation_aborted;
    writing_ = true;
    write_watchdog_.set(context_.time.now() + context_.limits.send_timeout);
    error_code ec = sent.ec;
    if (!ec) ec = co_await common::write_rest(*stream_, buffers, sent.n);
    const bool late = write_watchdog_.expired();
    write_watchdog_.clear();
    writing_ = false;
    write_done_.notify();
    if (ec) output_broken_ = true;
    if (late || (ec && ec != asio::error::operation_aborted)) client_left();
    co_return ec;
}

awaitable<error_code> ServerConnection::send_interim(const ResponseHead& head) {
    if (request_.version < 11 || response_started_) co_return error_code{};
    append_response_head(output_, head);
    co_return co_await flush();
}

void ServerConnection::start_response(ResponseHead head) {
    CHECK(!response_started_);
    response_started_ = true;
    const bool has_body = status_has_body(head.status) && request_.method != "HEAD";
    // RFC 9110 8.6: no Content-Length of ours in a 204; a relayed 304 keeps its own, as a field.
    if (!status_has_body(head.status)) head.body = {};
    response_body_ = head.body;
    const bool unknown_length =
        head.body.kind == BodyKind::chunked || head.body.kind == BodyKind::until_close;
    if (unknown_length) {
        // HTTP/1.0 knows no chunks: there the end of the connection ends the body.
        head.body.kind = request_.version >= 11 ? BodyKind::chunked : BodyKind::until_close;
        response_body_ = head.body;
    } else if (head.body.kind == BodyKind::none && has_body) {
        head.fields.erase("Content-Length");  // a relayed "0"
        head.body = {BodyKind::length, 0};
    }
    if (!has_body) response_body_ = {};
    response_left_ = response_body_.length;
    // A request that has come behind this one is served, too.
    const bool retired = context_.retiring && input_.empty();
    response_keep_alive_ = head.keep_alive && request_.keep_alive && !context_.closing &&
                           !retired && response_body_.kind != BodyKind::until_close;
    if (!head.fields.has("Date")) head.fields.add("Date", http_date(context_.time.wall_now()));
    if (!response_keep_alive_) {
        head.fields.add("Connection", "close");
    } else if (request_.version < 11) {
        head.fields.add("Connection", "keep-alive");
    }
    append_response_head(output_, head);
}

awaitable<error_code> ServerConnection::send_body(BodyPiece piece) {
    CHECK(response_started_);
    if (response_done_) co_return error_code{};
    const bool chunked = response_body_.kind == BodyKind::chunked;
    const bool has_body = response_body_.kind != BodyKind::none;
    if (response_body_.kind == BodyKind::length) {
        // More than announced, or an end before it: the message is broken, and must look so.
        if (piece.bytes > response_left_ || (piece.last && piece.bytes < response_left_)) {
            abort();
            co_return make_error_code(boost::system::errc::bad_message);
        }
        response_left_ -= piece.bytes;
    }
    std::string head = std::exchange(output_, {});
    const ChunkHeader chunk(piece.bytes);
    std::string end;
    if (chunked && piece.bytes > 0) end = "\r\n";
    if (chunked && piece.last) append_last_chunk(end, trailers_);
    Gather message;
    message.add(head);
    if (chunked && piece.bytes > 0) message.add(chunk.view());
    if (has_body) {
        for (const std::string_view part : piece.parts)
            message.add(part);
    }
    message.add(end);
    if (!message.empty()) {
        const IoResult sent = write_now(message.buffers());
        error_code ec = sent.ec;
        if (ec || sent.n < message.bytes()) ec = co_await write_rest(message.buffers(), sent);
        if (ec) co_return ec;
    }
    keep_output_memory(std::move(head));
    if (piece.last) response_done_ = true;
    co_return error_code{};
}

awaitable<error_code> ServerConnection::flush() {
    if (output_.empty()) co_return error_code{};
    std::string head = std::exchange(output_, {});
    const std::array<asio::const_buffer, 1> buffers{asio::buffer(head)};
    const error_code ec = co_await write(buffers);
    keep_output_memory(std::move(head));
    co_return ec;
}

// The next head is written into the memory of this one.
void ServerConnection::keep_output_memory(std::string written) {
    if (!output_.empty() || written.capacity() > kept_capacity_max) return;
    written.clear();
    output_ = std::move(written);
}

}  // namespace common
