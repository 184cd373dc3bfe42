// One HTTP/2 connection, whichever side of it we are: nghttp2 turns bytes into frames and back,
// this class moves the bytes. It reads all the time (a peer's window bounds what can come), and
// writes a bounded piece at a time, so that nothing piles up behind a peer that does not read.
//
// Nothing here waits: streams (stream.hpp) wait, and are told through the codec's callbacks. A
// callback never resumes a coroutine, so no object of ours goes away inside one.
//
// What a peer may make us do for nothing is bounded: acknowledgements that it does not read,
// CONTINUATION frames, SETTINGS entries and resets by nghttp2's own limits; frames without content
// by a count here.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "common/async/watchdog.hpp"
#include "common/net/stream.hpp"
#include "common/time/time_source.hpp"

struct nghttp2_session;

namespace common {

class Http2Stream;

// Streams that a client may have open (contract queue-proxy.md 2).
constexpr std::uint32_t http2_streams_max = 250;

// Durations of zero: no limit.
struct Http2Limits {
    std::size_t header_bytes_max = 1048896;     // of one message, as RFC 9113 6.5.2 counts them
    std::size_t field_count_max = 1000;         // pseudo fields not counted
    std::size_t target_bytes_max = 0;           // 0: none but the head's own
    Duration head_timeout = Duration::zero();   // the preface; one block of header fields
    Duration read_timeout = Duration::zero();   // no byte of a body that somebody waits for
    Duration write_timeout = Duration::zero();  // the peer takes no byte
};

class Http2Session {
  public:
    enum class Role : std::uint8_t { server, client };

    virtual ~Http2Session();
    Http2Session(const Http2Session&) = delete;
    Http2Session& operator=(const Http2Session&) = delete;

    // Sends our SETTINGS and begins to read. `already_read` came before we did.
    void start(std::string_view already_read = {});
    // Sends what there is to send, as far as the transport takes it; the rest follows by itself.
    void pump();
    // At once; every stream ends as broken.
    void close();
    bool closed() const { return closed_; }
    // Says ENHANCE_YOUR_CALM and closes, if this is one of too many in a short time.
    void count_idle_frame();

    nghttp2_session* codec() const { return codec_; }
    TimeSource& time() const { return time_; }
    const Http2Limits& limits() const { return limits_; }
    boost::asio::any_io_executor executor() const;
    std::string peer() const;
    bool secure() const;

    // A stream lives no longer than its session.
    void attach(Http2Stream& stream);
    void detach(Http2Stream& stream);

  protected:
    friend class Http2Stream;

    // `time` outlives it.
    Http2Session(Role role, std::unique_ptr<Stream> stream, TimeSource& time,
                 const Http2Limits& limits);

    // The peer has said its limits.
    bool settings_seen() const { return settings_seen_; }

    // --- Called from inside the codec, which must not be fed or emptied then.
    // A peer begins a stream. Null: it is refused, as not processed.
    virtual Http2Stream* begin_stream(std::int32_t id) = 0;
    virtual void on_settings() {}
    virtual void on_goaway() {}
    // The block of fields under way holds so many bytes now; 0: none is. False: it may not.
    virtual bool count_open_block(std::size_t) { return true; }
    // --- Called outside of it.
    // Everything that was read has been looked at.
    virtual void on_input() {}
    // Once.
    virtual void on_closed() {}

  private:
    struct Wire;
    friend struct Http2Callbacks;

    void make_codec();
    void block_begins(std::int32_t id);
    void block_ended(std::int32_t id);
    void read();
    void on_read(error_code ec, std::size_t n);
    bool feed(std::string_view bytes);
    bool fill_output();
    void on_written(error_code ec);
    void fail(error_code cause);

    Role role_;
    TimeSource& time_;
    Http2Limits limits_;
    std::shared_ptr<Wire> wire_;
    nghttp2_session* codec_ = nullptr;
    std::vector<Http2Stream*> streams_;
    Watchdog head_watchdog_;
    Watchdog write_watchdog_;
    std::int32_t open_block_ = 0;  // the stream whose fields are coming; 0: none
    bool in_codec_ = false;
    bool closed_ = false;
    bool peer_broke_rules_ = false;
    bool settings_seen_ = false;
    unsigned idle_frames_ = 0;
    Instant idle_frames_since_{};
};

}  // namespace common
