#include "common/http2/session.hpp"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include <boost/asio/error.hpp>

#include "common/core/check.hpp"
#include "common/http2/stream.hpp"

namespace common {
namespace {

namespace asio = boost::asio;

constexpr std::size_t read_bytes = std::size_t{16} << 10;
// Frames that are written together.
constexpr std::size_t output_bytes_max = std::size_t{64} << 10;

// What a server says of itself (contract queue-proxy.md 2).
constexpr std::uint32_t server_stream_window = 1U << 20;
constexpr std::uint32_t server_frame_max = 1U << 20;
// Unread bytes of all uploads of one connection. Four times a stream's window: a request that waits
// with its body unread does not stop those beside it.
constexpr std::int32_t server_connection_window = 4 << 20;
// Unread bytes of one response are bounded by its stream's window (RFC 9113's 65535, as much as an
// HTTP/1.1 body's read buffer); clients that do not know each other share the connection, so that
// window never stops them.
constexpr std::int32_t client_connection_window = 0x7fffffff;

// CVE-2023-44487: streams that are begun and reset at once. nghttp2's own figures.
constexpr std::uint64_t resets_burst = 1000;
constexpr std::uint64_t resets_per_second = 33;
// SETTINGS and PING that the peer makes us acknowledge and does not read.
constexpr std::size_t unread_acks_max = 1000;
// Frames that carry nothing: no peer in good faith sends so many.
constexpr unsigned idle_frames_max = 1000;
constexpr Duration idle_frames_window = std::chrono::seconds(10);

}  // namespace

// Survives the session as long as the transport has an operation of ours under way.
struct Http2Session::Wire {
    std::unique_ptr<Stream> stream;
    Http2Session* session = nullptr;  // null: it is gone
    std::array<char, read_bytes> input;
    std::string output;
    std::size_t sent = 0;
    std::array<asio::const_buffer, 1> buffers;
    bool writing = false;
};

// nghttp2's callbacks. `user_data` is the session; a stream's user data its Http2Stream, until that
// is gone.
struct Http2Callbacks {
    static Http2Stream* stream_of(nghttp2_session* codec, std::int32_t id) {
        return static_cast<Http2Stream*>(nghttp2_session_get_stream_user_data(codec, id));
    }

    static int begin_headers(nghttp2_session* codec, const nghttp2_frame* frame, void* user_data) {
        auto& session = *static_cast<Http2Session*>(user_data);
        const std::int32_t id = frame->hd.stream_id;
        session.block_begins(id);
        const bool begins = session.role_ == Http2Session::Role::server &&
                            frame->headers.cat == NGHTTP2_HCAT_REQUEST;
        if (begins) {
            Http2Stream* begun = session.begin_stream(id);
            nghttp2_session_set_stream_user_data(codec, id, begun);
            if (begun == nullptr) {
                nghttp2_submit_rst_stream(codec, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
                session.count_idle_frame();
            }
        }
        if (Http2Stream* stream = stream_of(codec, id)) stream->begin_block();
        return 0;
    }

    static int header(nghttp2_session* codec, const nghttp2_frame* frame, const std::uint8_t* name,
                      std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                      std::uint8_t, void*) {
        Http2Stream* stream = stream_of(codec, frame->hd.stream_id);
        if (stream == nullptr) return 0;
        stream->add_field({reinterpret_cast<const char*>(name), name_size},
                          {reinterpret_cast<const char*>(value), value_size});
        return 0;
    }

    // nghttp2 would leave a field with forbidden bytes out; a relay does not repair messages.
    static int invalid_header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t*,
                              std::size_t, const std::uint8_t*, std::size_t, std::uint8_t, void*) {
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }

    static int frame_received(nghttp2_session* codec, const nghttp2_frame* frame, void* user_data) {
        auto& session = *static_cast<Http2Session*>(user_data);
        Http2Stream* stream = stream_of(codec, frame->hd.stream_id);
        const bool last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
        switch (frame->hd.type) {
            case NGHTTP2_HEADERS:
                session.block_ended(frame->hd.stream_id);
                if (stream != nullptr) stream->end_block(last);
                break;
            case NGHTTP2_DATA:
                if (stream != nullptr && last) stream->end_input();
                if (frame->hd.length == 0 && !last) session.count_idle_frame();
                break;
            case NGHTTP2_SETTINGS:
                if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) break;
                if (!std::exchange(session.settings_seen_, true)) session.head_watchdog_.clear();
                session.on_settings();
                session.count_idle_frame();
                break;
            case NGHTTP2_PRIORITY:
                session.count_idle_frame();
                break;
            case NGHTTP2_GOAWAY:
                session.on_goaway();
                break;
            default:
                break;
        }
        return 0;
    }

    static int data(nghttp2_session* codec, std::uint8_t, std::int32_t id,
                    const std::uint8_t* bytes, std::size_t size, void*) {
        Http2Stream* stream = stream_of(codec, id);
        if (stream == nullptr) {
            nghttp2_session_consume(codec, id, size);
        } else {
            stream->add_data({reinterpret_cast<const char*>(bytes), size});
        }
        return 0;
    }

    static int stream_closed(nghttp2_session* codec, std::int32_t id, std::uint32_t code,
                             void* user_data) {
        // A block that was refused half-way is not reported otherwise.
        static_cast<Http2Session*>(user_data)->block_ended(id);
        Http2Stream* stream = stream_of(codec, id);
        if (stream == nullptr) return 0;
        nghttp2_session_set_stream_user_data(codec, id, nullptr);
        stream->on_stream_closed(code);
        return 0;
    }

    static int before_send(nghttp2_session* codec, const nghttp2_frame* frame, void* user_data) {
        auto& session = *static_cast<Http2Session*>(user_data);
        if (frame->hd.type == NGHTTP2_HEADERS) {
            if (Http2Stream* stream = stream_of(codec, frame->hd.stream_id)) stream->head_leaves();
        } else if (frame->hd.type == NGHTTP2_GOAWAY) {
            if (frame->goaway.error_code != NGHTTP2_NO_ERROR) session.peer_broke_rules_ = true;
        } else if (frame->hd.type == NGHTTP2_RST_STREAM) {
            // A peer can make us reset streams as well as reset them itself.
            const std::uint32_t code = frame->rst_stream.error_code;
            const bool forced = code == NGHTTP2_PROTOCOL_ERROR || code == NGHTTP2_STREAM_CLOSED ||
                                code == NGHTTP2_FLOW_CONTROL_ERROR;
            if (forced) session.count_idle_frame();
        }
        return 0;
    }

    static nghttp2_session_callbacks* make() {
        nghttp2_session_callbacks* all = nullptr;
        CHECK(nghttp2_session_callbacks_new(&all) == 0);
        nghttp2_session_callbacks_set_on_begin_headers_callback(all, begin_headers);
        nghttp2_session_callbacks_set_on_header_callback(all, header);
        nghttp2_session_callbacks_set_on_invalid_header_callback(all, invalid_header);
        nghttp2_session_callbacks_set_on_frame_recv_callback(all, frame_received);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(all, data);
        nghttp2_session_callbacks_set_on_stream_close_callback(all, stream_closed);
        nghttp2_session_callbacks_set_before_frame_send_callback(all, before_send);
        return all;
    }
};

Http2Session::Http2Session(Role role, std::unique_ptr<Stream> stream, TimeSource& time,
                           const Http2Limits& limits)
    : role_(role),
      time_(time),
      limits_(limits),
      wire_(std::make_shared<Wire>()),
      head_watchdog_(time, [this] { fail(asio::error::timed_out); }),
      write_watchdog_(time, [this] { fail(asio::error::timed_out); }) {
    wire_->stream = std::move(stream);
    wire_->session = this;
    make_codec();
}

Http2Session::~Http2Session() {
    CHECK(streams_.empty() && !in_codec_);
    wire_->session = nullptr;
    wire_->stream->close();
    nghttp2_session_del(codec_);
}

void Http2Session::make_codec() {
    static nghttp2_session_callbacks* const callbacks = Http2Callbacks::make();
    nghttp2_option* options = nullptr;
    CHECK(nghttp2_option_new(&options) == 0);
    nghttp2_option_set_no_auto_window_update(options, 1);  // given back as bodies are taken
    nghttp2_option_set_no_closed_streams(options, 1);
    nghttp2_option_set_max_outbound_ack(options, unread_acks_max);
    nghttp2_option_set_stream_reset_rate_limit(options, resets_burst, resets_per_second);
    const bool server = role_ == Role::server;
    const int made = server ? nghttp2_session_server_new2(&codec_, callbacks, this, options)
                            : nghttp2_session_client_new2(&codec_, callbacks, this, options);
    CHECK(made == 0);
    nghttp2_option_del(options);
    const std::array<nghttp2_settings_entry, 4> of_server{{
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, http2_streams_max},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, server_stream_window},
        {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, server_frame_max},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
         static_cast<std::uint32_t>(limits_.header_bytes_max)},
    }};
    const std::array<nghttp2_settings_entry, 1> of_client{{{NGHTTP2_SETTINGS_ENABLE_PUSH, 0}}};
    nghttp2_submit_settings(codec_, NGHTTP2_FLAG_NONE, server ? of_server.data() : of_client.data(),
                            server ? of_server.size() : of_client.size());
    nghttp2_session_set_local_window_size(
        codec_, NGHTTP2_FLAG_NONE, 0, server ? server_connection_window : client_connection_window);
}

asio::any_io_executor Http2Session::executor() const {
    return wire_->stream->executor();
}

std::string Http2Session::peer() const {
    return wire_->stream->peer();
}

bool Http2Session::secure() const {
    return wire_->stream->secure();
}

void Http2Session::attach(Http2Stream& stream) {
    streams_.push_back(&stream);
}

void Http2Session::detach(Http2Stream& stream) {
    const auto place = std::find(streams_.begin(), streams_.end(), &stream);
    CHECK(place != streams_.end());
    *place = streams_.back();
    streams_.pop_back();
}

void Http2Session::count_idle_frame() {
    const Instant now = time_.now();
    if (now - idle_frames_since_ >= idle_frames_window) {
        idle_frames_since_ = now;
        idle_frames_ = 0;
    }
    if (++idle_frames_ == idle_frames_max + 1)
        nghttp2_session_terminate_session(codec_, NGHTTP2_ENHANCE_YOUR_CALM);
}

void Http2Session::block_begins(std::int32_t id) {
    open_block_ = id;
    if (limits_.head_timeout > Duration::zero())
        head_watchdog_.set(time_.now() + limits_.head_timeout);
}

void Http2Session::block_ended(std::int32_t id) {
    if (open_block_ != id) return;
    open_block_ = 0;
    head_watchdog_.clear();
    count_open_block(0);
}

// --- Reading.

void Http2Session::start(std::string_view already_read) {
    if (closed_) return;
    if (limits_.head_timeout > Duration::zero())
        head_watchdog_.set(time_.now() + limits_.head_timeout);
    if (!already_read.empty() && !feed(already_read)) return;
    pump();
    if (!closed_) read();
}

void Http2Session::read() {
    wire_->stream->async_read_some(asio::buffer(wire_->input),
                                   [wire = wire_](error_code ec, std::size_t n) {
                                       if (wire->session) wire->session->on_read(ec, n);
                                   });
}

void Http2Session::on_read(error_code ec, std::size_t n) {
    if (closed_) return;
    if (ec) {
        fail(ec);
        return;
    }
    if (!feed({wire_->input.data(), n})) return;
    pump();
    if (!closed_) read();
}

// False: the connection has failed.
bool Http2Session::feed(std::string_view bytes) {
    in_codec_ = true;
    const auto used = nghttp2_session_mem_recv(
        codec_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    in_codec_ = false;
    if (used < 0) {
        // No frame can be made of it, or a flood: nothing is left to be said.
        fail(make_error_code(boost::system::errc::bad_message));
        return false;
    }
    on_input();
    return !closed_;
}

// --- Writing.

// Fills the output from the codec; false if there is nothing to send, or the connection failed.
bool Http2Session::fill_output() {
    std::string& output = wire_->output;
    output.clear();
    wire_->sent = 0;
    in_codec_ = true;
    while (output.size() < output_bytes_max) {
        const std::uint8_t* bytes = nullptr;
        const auto n = nghttp2_session_mem_send(codec_, &bytes);
        if (n < 0) {
            in_codec_ = false;
            fail(make_error_code(boost::system::errc::not_enough_memory));
            return false;
        }
        if (n == 0) break;
        output.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(n));
    }
    in_codec_ = false;
    return !output.empty();
}

void Http2Session::pump() {
    if (in_codec_ || closed_ || wire_->writing) return;
    while (fill_output()) {
        wire_->buffers[0] = asio::buffer(wire_->output);
        const IoResult now = wire_->stream->write_now(wire_->buffers);
        if (now.ec) {
            fail(now.ec);
            return;
        }
        if (now.n == wire_->output.size()) continue;
        wire_->writing = true;
        wire_->buffers[0] += now.n;
        if (limits_.write_timeout > Duration::zero())
            write_watchdog_.set(time_.now() + limits_.write_timeout);
        wire_->stream->async_write(wire_->buffers, [wire = wire_](error_code ec, std::size_t) {
            wire->writing = false;
            if (wire->session) wire->session->on_written(ec);
        });
        return;
    }
    // The codec has seen an error of the peer's, or the end that one side announced.
    const bool over = nghttp2_session_want_read(codec_) == 0;
    if (over && !closed_)
        fail(peer_broke_rules_ ? make_error_code(boost::system::errc::bad_message)
                               : error_code(asio::error::eof));
}

void Http2Session::on_written(error_code ec) {
    write_watchdog_.clear();
    if (closed_) return;
    if (ec) {
        fail(ec);
        return;
    }
    pump();
}

// --- The end.

void Http2Session::close() {
    fail(asio::error::operation_aborted);
}

void Http2Session::fail(error_code cause) {
    if (closed_) return;
    closed_ = true;
    head_watchdog_.clear();
    write_watchdog_.clear();
    wire_->stream->close();
    for (Http2Stream* stream : std::vector<Http2Stream*>(streams_))
        stream->on_session_closed(cause);
    on_closed();
}

}  // namespace common
