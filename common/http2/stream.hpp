// One stream of an HTTP/2 connection: a message each way. What comes is kept until somebody takes
// it, and the peer's window opens again only then, so that a stream holds one window of bytes at
// most. What goes is taken by the codec as the peer's windows and the transport allow.
//
// One coroutine may wait for what comes, and one for what goes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/async/signal.hpp"
#include "common/http/body.hpp"
#include "common/http/head.hpp"
#include "common/http2/session.hpp"

namespace common {

// The fields of one HEADERS block, as they come.
struct Http2Block {
    std::string method;
    std::string scheme;
    std::string authority;
    std::string path;
    int status = 0;
    Fields fields;
    std::size_t bytes = 0;
    bool too_large = false;  // the fields were dropped
    bool target_too_long = false;
};

class Http2Stream {
  public:
    Http2Stream(const Http2Stream&) = delete;
    Http2Stream& operator=(const Http2Stream&) = delete;

    // --- Called from inside the codec.
    void begin_block() { block_ = {}; }
    void add_field(std::string_view name, std::string_view value);
    // `last`: nothing follows.
    void end_block(bool last);
    void add_data(std::string_view bytes);
    void end_input();
    // `code`: of the RST_STREAM that ended it, else 0.
    void on_stream_closed(std::uint32_t code);
    // Our HEADERS are on their way.
    void head_leaves() { head_left_ = true; }
    // Up to `size` bytes of what is to be sent. nghttp2's result; sets its flags.
    std::ptrdiff_t pull(std::uint8_t* to, std::size_t size, std::uint32_t& flags);

    void on_session_closed(error_code cause);

  protected:
    explicit Http2Stream(Http2Session& session);
    // Resets the stream with `code`, unless both messages are whole; nothing can follow. Every
    // derived object does so before it goes away.
    void leave(std::uint32_t code);
    ~Http2Stream();

    // --- From inside the codec: a whole block that is no trailer section; the end of everything.
    virtual void on_head(Http2Block block) = 0;
    virtual void on_end() = 0;

    Http2Session& session() const { return session_; }
    std::int32_t id() const { return id_; }
    void set_id(std::int32_t id) { id_ = id; }

    // --- What comes.
    std::optional<BodyRead> take_body();
    awaitable<BodyRead> wait_body();
    // Waits until something came, the stream ended, or cancel(): then operation_aborted.
    awaitable<error_code> wait_input();
    // Whole, and all of it taken.
    bool input_done() const { return input_ended_ && arrived_.empty(); }
    bool input_ended() const { return input_ended_; }
    const Fields& input_trailers() const { return input_trailers_; }
    void free_buffers();
    // Further blocks are trailers.
    void head_is_final() { head_final_ = true; }

    // --- What goes. The head has been submitted, with output() as its data.
    // Returns when the codec has taken the piece.
    awaitable<error_code> send(BodyPiece piece);
    void set_output_trailers(const Fields& trailers) { output_trailers_ = trailers; }
    const Fields& output_trailers() const { return output_trailers_; }
    void output_is_whole() { output_ended_ = true; }
    bool output_ended() const { return output_ended_; }
    std::uint64_t output_bytes() const { return output_bytes_; }
    bool head_left() const { return head_left_; }

    // Ends waits under way with operation_aborted.
    void cancel_waits();
    // Reset, or the connection is gone, before both messages were whole.
    bool broken() const { return broken_; }
    // The peer says that it has not looked at it (RFC 9113 8.7).
    bool refused() const { return refused_; }
    error_code cause() const { return cause_; }

  private:
    bool fits(std::string_view name) const;
    void give_window_back();
    void wake();
    error_code wait_result() const;

    Http2Session& session_;
    std::int32_t id_ = 0;
    Http2Block block_;
    bool head_final_ = false;

    std::string arrived_;
    std::string taken_;  // handed out; its window is not given back yet
    std::string_view taken_view_;
    Fields input_trailers_;
    Signal input_wake_;
    Watchdog read_watchdog_;
    bool input_ended_ = false;
    bool input_end_told_ = false;
    bool input_waited_for_ = false;
    bool input_cancelled_ = false;

    BodyPiece output_;
    std::size_t output_part_ = 0;    // of output_.parts
    std::size_t output_offset_ = 0;  // in that part
    std::uint64_t output_bytes_ = 0;
    Fields output_trailers_;
    Signal output_wake_;
    Watchdog write_watchdog_;
    bool output_waits_ = false;  // output_ has not been taken
    bool output_cancelled_ = false;
    bool output_ended_ = false;
    bool head_left_ = false;

    bool attached_ = true;     // to the session
    bool codec_done_ = false;  // the codec knows the stream no more
    bool broken_ = false;
    bool refused_ = false;
    error_code cause_;
};

}  // namespace common
