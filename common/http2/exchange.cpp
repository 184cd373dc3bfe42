#include "common/http2/exchange.hpp"

#include <nghttp2/nghttp2.h>

#include <utility>

#include <boost/asio/error.hpp>

#include "common/core/check.hpp"
#include "common/core/parse.hpp"
#include "common/http/date.hpp"
#include "common/http/framing.hpp"
#include "common/http2/server_connection.hpp"
#include "common/http2/submit.hpp"

namespace common {
namespace {

namespace asio = boost::asio;

const error_code not_supported = make_error_code(boost::system::errc::operation_not_supported);

// RFC 9113 8.2.3: a client may send one Cookie field for each pair.
void join_cookies(Fields& fields) {
    if (fields.count("Cookie") < 2) return;
    std::string joined;
    for (std::size_t i = 0; i < fields.size(); ++i) {
        if (!equal_ignoring_case(fields[i].name, "Cookie")) continue;
        if (!joined.empty()) joined += "; ";
        joined += fields[i].value;
    }
    fields.set("cookie", joined);
}

}  // namespace

Http2Exchange::Http2Exchange(Http2ServerConnection& connection, std::int32_t id)
    : Http2Stream(connection), connection_(connection) {
    set_id(id);
}

Http2Exchange::~Http2Exchange() {
    leave(NGHTTP2_INTERNAL_ERROR);
}

// --- The request.

void Http2Exchange::on_head(Http2Block block) {
    head_is_final();
    if (block.too_large) refusal_ = 431;
    if (block.target_too_long) refusal_ = 414;
    if (refusal_ == 0 && !take_head(block)) {
        nghttp2_submit_rst_stream(session().codec(), NGHTTP2_FLAG_NONE, id(),
                                  NGHTTP2_PROTOCOL_ERROR);
        return;
    }
    head_came_ = true;
    connection_.serve_later(*this);
}

// nghttp2 has looked at what RFC 9113 8.3 asks of pseudo fields, at the names and values, and
// counts the body against Content-Length; false: what it lets pass is still no request for a relay.
bool Http2Exchange::take_head(Http2Block& block) {
    Fields& fields = block.fields;
    const bool connect = block.method == "CONNECT";
    const bool good_path =
        block.path.starts_with('/') || (block.path == "*" && block.method == "OPTIONS") || connect;
    if (!good_path) return false;
    if (fields.count("Host") > 1) return false;
    // RFC 9113 8.3.1: two names for one host would be read differently by different servers.
    const std::string_view host = fields.get("Host");
    if (!block.authority.empty() && !host.empty() && !equal_ignoring_case(host, block.authority))
        return false;
    if (!block.authority.empty()) fields.set("Host", block.authority);
    request_.method = std::move(block.method);
    request_.target = connect ? std::move(block.authority) : std::move(block.path);
    request_.version = 20;
    join_cookies(fields);
    request_.fields = std::move(fields);
    if (check_request_framing(request_) != ParseError::none) return false;
    const std::string_view length = request_.fields.get("Content-Length");
    if (input_ended()) {
        request_.body = {};
    } else if (length.empty()) {
        request_.body.kind = BodyKind::chunked;
    } else {
        const auto bytes = parse_int(length);
        if (!bytes) return false;
        request_.body = {BodyKind::length, static_cast<std::uint64_t>(*bytes)};
    }
    request_.expect_continue = request_.body.kind != BodyKind::none &&
                               equal_ignoring_case(request_.fields.get("Expect"), "100-continue");
    return true;
}

void Http2Exchange::take_upgraded(RequestHead request) {
    request_ = std::move(request);
    head_is_final();
    end_input();
    head_came_ = true;
    connection_.serve_later(*this);
}

awaitable<BodyRead> Http2Exchange::read_body() {
    const BodyRead read = co_await wait_body();
    if (read.ec == asio::error::timed_out) client_left();
    co_return read;
}

// --- The response.

awaitable<error_code> Http2Exchange::send_interim(const ResponseHead& head) {
    if (response_started_ || broken() || left_) co_return error_code{};
    submit_interim(session().codec(), id(), head);
    session().pump();
    co_return error_code{};
}

void Http2Exchange::start_response(ResponseHead head) {
    CHECK(!response_started_);
    response_started_ = true;
    has_body_ = status_has_body(head.status) && request_.method != "HEAD";
    // RFC 9110 8.6, as in HTTP/1.1: no Content-Length of ours in a 204.
    if (!status_has_body(head.status)) head.body = {};
    has_length_ = has_body_ && head.body.kind == BodyKind::length;
    response_left_ = head.body.length;
    if (!head.fields.has("Date")) head.fields.add("date", http_date(session().time().wall_now()));
    unsent_head_ = std::move(head);
}

void Http2Exchange::send_head(bool whole) {
    if (!unsent_head_) return;
    if (!broken() && !left_)
        submit_response(session().codec(), id(), *unsent_head_, whole ? nullptr : this);
    if (whole) output_is_whole();
    unsent_head_.reset();
}

awaitable<error_code> Http2Exchange::send_body(BodyPiece piece) {
    CHECK(response_started_);
    if (response_done_) co_return error_code{};
    if (left_ || broken()) co_return asio::error::operation_aborted;
    if (!has_body_) {
        piece.parts = {};
        piece.bytes = 0;
    }
    if (has_length_) {
        // More than announced, or an end before it: the message is broken, and must look so.
        if (piece.bytes > response_left_ || (piece.last && piece.bytes < response_left_)) {
            abort();
            co_return make_error_code(boost::system::errc::bad_message);
        }
        response_left_ -= piece.bytes;
    }
    const bool whole = unsent_head_ && piece.last && piece.bytes == 0 && output_trailers().empty();
    send_head(whole);
    error_code ec;
    if (whole) {
        session().pump();
    } else {
        ec = co_await send(piece);
    }
    if (ec == asio::error::timed_out) client_left();
    if (!ec && piece.last) response_done_ = true;
    co_return ec;
}

awaitable<error_code> Http2Exchange::flush() {
    if (left_ || broken()) co_return asio::error::operation_aborted;
    send_head(false);
    session().pump();
    co_return error_code{};
}

void Http2Exchange::abort() {
    if (std::exchange(left_, true)) return;
    leave(NGHTTP2_INTERNAL_ERROR);
}

void Http2Exchange::finish() {
    on_gone_ = nullptr;
    if (std::exchange(left_, true)) return;
    // RFC 9113 8.1: the answer is whole; what is left of the upload is not wanted.
    leave(response_done_ ? NGHTTP2_NO_ERROR : NGHTTP2_INTERNAL_ERROR);
}

// --- The client.

void Http2Exchange::on_end() {
    if (!head_came_) connection_.drop_later(*this);
    if (broken() && !left_ && !response_done_) client_left();
}

void Http2Exchange::client_left() {
    client_gone_ = true;
    if (on_gone_) {
        const std::function<void()> tell = std::exchange(on_gone_, nullptr);
        tell();
    }
}

// --- Tunnels.

awaitable<error_code> Http2Exchange::send_upgrade(const ResponseHead&) {
    co_return not_supported;
}

awaitable<IoResult> Http2Exchange::read_tunnel(std::string_view&) {
    const IoResult result{not_supported, 0};
    co_return result;
}

awaitable<error_code> Http2Exchange::write_tunnel(std::string_view) {
    co_return not_supported;
}

}  // namespace common
