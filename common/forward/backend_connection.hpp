// Our side of one HTTP/1.1 connection to a backend: writes a request, reads its response, one
// exchange after the other. It knows how far the exchange got, which is what decides whether a
// request may be sent elsewhere.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "common/core/time.hpp"
#include "common/forward/backend_exchange.hpp"
#include "common/http/input_buffer.hpp"
#include "common/http/message_parser.hpp"
#include "common/net/stream.hpp"

namespace common {

class BackendConnection final : public BackendExchange {
  public:
    BackendConnection(std::unique_ptr<Stream> stream, const ParserLimits& limits);

    void start_request(const RequestHead& head) override;
    awaitable<error_code> send_body(BodyPiece piece) override;
    awaitable<error_code> flush() override;
    bool request_done() const override { return request_done_; }
    // Of this request, that the kernel took.
    std::uint64_t bytes_sent() const override { return bytes_sent_; }

    awaitable<error_code> read_head(ResponseHead& head) override;
    std::optional<BodyRead> body_at_hand() override;
    awaitable<BodyRead> read_body() override;
    const Fields& trailers() const override { return parser_.trailers(); }
    bool response_done() const override { return response_done_; }
    bool response_seen() const override { return bytes_received_ > 0; }
    awaitable<void> drain() override;

    // Both messages ended well and the backend keeps the connection.
    bool reusable() const override;
    void release_memory() override;
    bool reused() const override { return exchanges_ > 1; }
    // After a short time `idle` what the event loop knows is enough; after a longer one (the
    // backend may have its own idle timeout) the kernel is asked, so that nothing since the last
    // turn is missed.
    bool stale(Duration idle) override;

    awaitable<IoResult> read_tunnel(std::string_view& bytes) override;
    awaitable<error_code> write_tunnel(std::string_view bytes) override;

    void cancel() override {
        cancelled_ = true;
        stream_->cancel();
    }
    void close() override { stream_->close(); }
    void shutdown_send() override { stream_->shutdown_send(); }
    std::string peer() const override { return stream_->peer(); }

  private:
    awaitable<error_code> fill(std::size_t bytes);
    error_code received(const IoResult& read);

    std::unique_ptr<Stream> stream_;
    InputBuffer input_;
    MessageParser parser_;
    ResponseHead head_;  // filled by the parser; handed out by read_head()
    std::string output_;
    Framing request_body_;
    std::uint64_t bytes_sent_ = 0;
    std::uint64_t bytes_received_ = 0;
    unsigned exchanges_ = 0;
    bool to_head_request_ = false;
    bool request_done_ = false;
    bool head_begun_ = false;
    bool final_head_ = false;
    bool response_done_ = false;
    bool body_seen_last_ = false;
    bool keep_alive_ = false;
    bool failed_ = false;
    bool cancelled_ = false;  // since the reading operation under way began
};

}  // namespace common
