// Our side of one HTTP/2 connection to a backend (prior knowledge, cleartext): many exchanges at
// once, each a stream. Whoever has an exchange keeps the connection alive.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/forward/backend_exchange.hpp"
#include "common/http2/stream.hpp"

namespace common {

class Http2ClientConnection final : public Http2Session {
  public:
    // start() it.
    Http2ClientConnection(std::unique_ptr<Stream> stream, TimeSource& time,
                          const Http2Limits& limits);

    // `callback` hears, from the event loop, when the peer has said its limits, or is gone.
    void when_decided(std::function<void()> callback) { on_decided_ = std::move(callback); }
    // May carry one more stream now: neither ended nor told to end, and below the peer's limit; one
    // stream as long as that is not known.
    bool has_room() const;
    bool undecided() const { return !finished() && !settings_seen(); }
    // No stream can be begun any more, now or later.
    bool finished() const;
    std::size_t streams() const { return streams_; }
    // Since when nobody uses it. REQUIRES: streams() == 0.
    Instant idle_since() const { return idle_since_; }
    // Begins no further stream and tells nothing more; closes when the last one has ended.
    void retire();

  private:
    friend class Http2BackendExchange;

    Http2Stream* begin_stream(std::int32_t) override { return nullptr; }  // we allow no push
    void on_goaway() override { going_away_ = true; }
    void on_settings() override { decided(); }
    void on_closed() override { decided(); }
    void decided() {
        if (on_decided_) on_decided_();
    }
    void stream_begins();
    void stream_ends();

    std::function<void()> on_decided_;
    std::size_t streams_ = 0;
    std::uint64_t streams_begun_ = 0;
    Instant idle_since_{};
    bool going_away_ = false;
    bool retired_ = false;
};

class Http2BackendExchange final : public Http2Stream, public BackendExchange {
  public:
    explicit Http2BackendExchange(std::shared_ptr<Http2ClientConnection> connection);
    ~Http2BackendExchange() override;

    void start_request(const RequestHead& head) override;
    awaitable<error_code> send_body(BodyPiece piece) override;
    awaitable<error_code> flush() override;
    bool request_done() const override { return output_ended(); }
    std::uint64_t bytes_sent() const override;
    awaitable<error_code> read_head(ResponseHead& head) override;
    std::optional<BodyRead> body_at_hand() override { return take_body(); }
    awaitable<BodyRead> read_body() override { return wait_body(); }
    const Fields& trailers() const override { return input_trailers(); }
    bool response_done() const override { return input_done(); }
    bool response_seen() const override { return response_seen_; }
    awaitable<void> drain() override;
    // The connection is shared, and the pool has it anyway.
    bool reusable() const override { return false; }
    bool reused() const override { return reused_; }
    bool stale(Duration) override { return true; }
    void release_memory() override {}
    awaitable<IoResult> read_tunnel(std::string_view& bytes) override;
    awaitable<error_code> write_tunnel(std::string_view bytes) override;
    void cancel() override { cancel_waits(); }
    void close() override;
    void shutdown_send() override { close(); }
    std::string peer() const override { return session().peer(); }

  private:
    void on_head(Http2Block block) override;
    void on_end() override {}
    bool submit(bool whole);

    std::shared_ptr<Http2ClientConnection> connection_;
    std::optional<RequestHead> unsent_;
    std::deque<ResponseHead> heads_;  // that nobody has read yet
    bool to_head_request_ = false;
    bool response_seen_ = false;
    bool head_read_ = false;  // the final one
    bool bad_head_ = false;
    bool reused_ = false;
};

}  // namespace common
