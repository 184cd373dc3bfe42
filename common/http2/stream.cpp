#include "common/http2/stream.hpp"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include <boost/asio/error.hpp>

#include "common/core/check.hpp"
#include "common/core/parse.hpp"
#include "common/http2/submit.hpp"

namespace common {
namespace {

namespace asio = boost::asio;

// What RFC 9113 6.5.2 adds to a field's name and value.
constexpr std::size_t field_overhead = 32;
// Read buffers that a stream keeps between two pieces.
constexpr std::size_t kept_capacity_max = std::size_t{64} << 10;

void clear_buffer(std::string& buffer) {
    buffer.clear();
    if (buffer.capacity() > kept_capacity_max) std::string().swap(buffer);
}

}  // namespace

Http2Stream::Http2Stream(Http2Session& session)
    : session_(session),
      input_wake_(session.executor()),
      read_watchdog_(session.time(), [this] { input_wake_.notify(); }),
      output_wake_(session.executor()),
      write_watchdog_(session.time(), [this] { output_wake_.notify(); }) {
    session.attach(*this);
}

Http2Stream::~Http2Stream() {
    CHECK(!attached_);
}

void Http2Stream::leave(std::uint32_t code) {
    if (std::exchange(attached_, false)) session_.detach(*this);
    nghttp2_session* codec = session_.codec();
    if (id_ == 0) return;
    if (!codec_done_) {
        nghttp2_session_set_stream_user_data(codec, id_, nullptr);
        const bool whole = input_ended_ && output_ended_;
        if (!whole) nghttp2_submit_rst_stream(codec, NGHTTP2_FLAG_NONE, id_, code);
        codec_done_ = true;
        if (!whole && !broken_) {
            broken_ = true;
            cause_ = asio::error::operation_aborted;
        }
    }
    // The connection's window is for its other streams.
    const std::size_t unread = arrived_.size() + taken_.size();
    if (unread > 0) nghttp2_session_consume(codec, id_, unread);
    arrived_.clear();
    taken_.clear();
    wake();
    session_.pump();
}

// --- Fields.

void Http2Stream::add_field(std::string_view name, std::string_view value) {
    if (block_.too_large) return;
    block_.bytes += name.size() + value.size() + field_overhead;
    if (!fits(name) || !session_.count_open_block(block_.bytes)) {
        block_.too_large = true;
        block_.fields = {};
        session_.count_open_block(0);
        return;
    }
    const std::size_t target_max = session_.limits().target_bytes_max;
    if (name == ":path" && target_max > 0 && value.size() > target_max) {
        block_.target_too_long = true;
    } else if (!name.starts_with(':')) {
        block_.fields.add(name, value);
    } else if (name == ":method") {
        block_.method = value;
    } else if (name == ":scheme") {
        block_.scheme = value;
    } else if (name == ":authority") {
        block_.authority = value;
    } else if (name == ":path") {
        block_.path = value;
    } else if (name == ":status") {
        block_.status = static_cast<int>(parse_int(value).value_or(0));
    }
}

bool Http2Stream::fits(std::string_view name) const {
    const Http2Limits& limits = session_.limits();
    const bool pseudo = name.starts_with(':');
    return block_.bytes <= limits.header_bytes_max &&
           (pseudo || block_.fields.size() < limits.field_count_max);
}

void Http2Stream::end_block(bool last) {
    if (head_final_ && block_.too_large) {
        nghttp2_submit_rst_stream(session_.codec(), NGHTTP2_FLAG_NONE, id_, NGHTTP2_INTERNAL_ERROR);
        return;
    }
    if (last) input_ended_ = true;  // on_head() wants to know
    if (head_final_) {
        input_trailers_ = std::move(block_.fields);
    } else {
        on_head(std::move(block_));
    }
    block_ = {};
    wake();
}

// --- What comes.

void Http2Stream::add_data(std::string_view bytes) {
    arrived_.append(bytes);
    wake();
}

void Http2Stream::end_input() {
    input_ended_ = true;
    wake();
}

void Http2Stream::give_window_back() {
    if (taken_.empty()) return;
    const std::size_t bytes = taken_.size();
    clear_buffer(taken_);
    nghttp2_session_consume(session_.codec(), id_, bytes);
    session_.pump();
}

std::optional<BodyRead> Http2Stream::take_body() {
    give_window_back();
    BodyRead read;
    if (!arrived_.empty()) {
        arrived_.swap(taken_);
        taken_view_ = taken_;
        read.piece.parts = std::span<const std::string_view>(&taken_view_, 1);
        read.piece.bytes = taken_.size();
        read.piece.last = input_end_told_ = input_ended_;
        return read;
    }
    if (input_ended_) {
        if (input_end_told_) return std::nullopt;
        read.piece.last = input_end_told_ = true;
        return read;
    }
    if (!broken_) return std::nullopt;
    read.ec = cause_;
    return read;
}

awaitable<BodyRead> Http2Stream::wait_body() {
    BodyRead read;
    while (true) {
        const std::optional<BodyRead> at_hand = take_body();
        if (at_hand) co_return *at_hand;
        if (input_end_told_) {
            read.piece.last = true;
            co_return read;
        }
        read.ec = co_await wait_input();
        if (read.ec) co_return read;
    }
}

awaitable<error_code> Http2Stream::wait_input() {
    const Duration limit = session_.limits().read_timeout;
    if (limit > Duration::zero()) read_watchdog_.set(session_.time().now() + limit);
    input_waited_for_ = true;
    input_cancelled_ = false;
    co_await input_wake_.wait();
    input_waited_for_ = false;
    const bool late = read_watchdog_.expired();
    read_watchdog_.clear();
    error_code ec;
    if (input_cancelled_) ec = asio::error::operation_aborted;
    if (late) ec = asio::error::timed_out;
    co_return ec;
}

void Http2Stream::free_buffers() {
    give_window_back();
    arrived_.shrink_to_fit();
    taken_.shrink_to_fit();
}

// --- What goes.

awaitable<error_code> Http2Stream::send(BodyPiece piece) {
    if (broken_ || output_ended_ || output_cancelled_) co_return asio::error::operation_aborted;
    if (piece.bytes == 0 && !piece.last) {
        session_.pump();
        co_return error_code{};
    }
    output_ = piece;
    output_part_ = output_offset_ = 0;
    output_waits_ = true;
    nghttp2_session_resume_data(session_.codec(), id_);
    session_.pump();
    const Duration limit = session_.limits().write_timeout;
    if (output_waits_ && limit > Duration::zero())
        write_watchdog_.set(session_.time().now() + limit);
    while (output_waits_ && !broken_ && !output_cancelled_ && !write_watchdog_.expired())
        co_await output_wake_.wait();
    const bool late = write_watchdog_.expired();
    write_watchdog_.clear();
    if (!output_waits_) {
        output_cancelled_ = false;
        co_return error_code{};
    }
    // Half-way: the piece's bytes go away with our caller, and nothing can follow.
    output_waits_ = false;
    output_ = {};
    output_cancelled_ = true;
    if (broken_) co_return cause_;
    if (late) co_return asio::error::timed_out;
    co_return asio::error::operation_aborted;
}

std::ptrdiff_t Http2Stream::pull(std::uint8_t* to, std::size_t size, std::uint32_t& flags) {
    if (!output_waits_) return NGHTTP2_ERR_DEFERRED;
    std::size_t copied = 0;
    while (copied < size && output_part_ < output_.parts.size()) {
        const std::string_view part = output_.parts[output_part_].substr(output_offset_);
        const std::size_t n = std::min(part.size(), size - copied);
        std::memcpy(to + copied, part.data(), n);
        copied += n;
        output_offset_ += n;
        if (n < part.size()) break;
        ++output_part_;
        output_offset_ = 0;
    }
    output_bytes_ += copied;
    if (output_part_ < output_.parts.size()) return static_cast<std::ptrdiff_t>(copied);
    output_waits_ = false;
    output_wake_.notify();
    if (!output_.last)
        return copied > 0 ? static_cast<std::ptrdiff_t>(copied) : NGHTTP2_ERR_DEFERRED;
    output_ended_ = true;
    flags |= NGHTTP2_DATA_FLAG_EOF;
    if (!output_trailers_.empty()) {
        flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        submit_trailers(session_.codec(), id_, output_trailers_);
    }
    return static_cast<std::ptrdiff_t>(copied);
}

// --- The end.

void Http2Stream::cancel_waits() {
    if (input_waited_for_) {
        input_cancelled_ = true;
        input_wake_.notify();
    }
    if (output_waits_) {
        output_cancelled_ = true;
        output_wake_.notify();
    }
}

void Http2Stream::wake() {
    if (input_waited_for_) input_wake_.notify();
    if (broken_) output_wake_.notify();
}

void Http2Stream::on_stream_closed(std::uint32_t code) {
    codec_done_ = true;
    if (!input_ended_ || !output_ended_) {
        broken_ = true;
        refused_ = code == NGHTTP2_REFUSED_STREAM;
        cause_ = asio::error::connection_reset;
    }
    wake();
    on_end();
}

void Http2Stream::on_session_closed(error_code cause) {
    if (codec_done_) return;
    codec_done_ = true;
    if (!input_ended_ || !output_ended_) {
        broken_ = true;
        cause_ = cause;
    }
    wake();
    on_end();
}

}  // namespace common
