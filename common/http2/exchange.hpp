// A stream that a client began, as an Exchange.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "common/http/exchange.hpp"
#include "common/http2/stream.hpp"

namespace common {

class Http2ServerConnection;

class Http2Exchange final : public Http2Stream, public Exchange {
  public:
    Http2Exchange(Http2ServerConnection& connection, std::int32_t id);
    ~Http2Exchange() override;

    std::int32_t number() const { return id(); }
    bool head_came() const { return head_came_; }
    // The head was more than we take: the status that says so; 0: it was not.
    int refusal() const { return refusal_; }
    // A request that came as HTTP/1.1, whole, and stays one of it on its further way.
    void take_upgraded(RequestHead request);
    // The handler has ended: what is not whole by now is broken.
    void finish();

    const RequestHead& request() const override { return request_; }
    std::string peer() const override { return session().peer(); }
    bool secure() const override { return session().secure(); }
    std::optional<BodyRead> body_at_hand() override { return take_body(); }
    awaitable<BodyRead> read_body() override;
    bool body_done() const override { return input_done(); }
    void release_memory() override { free_buffers(); }
    awaitable<error_code> send_interim(const ResponseHead& head) override;
    void start_response(ResponseHead head) override;
    awaitable<error_code> send_body(BodyPiece piece) override;
    awaitable<error_code> flush() override;
    void set_trailers(const Fields& trailers) override { set_output_trailers(trailers); }
    bool response_started() const override { return response_started_; }
    bool response_done() const override { return response_done_; }
    void abort() override;
    void watch_client(std::function<void()> on_gone) override { on_gone_ = std::move(on_gone); }
    bool client_gone() const override { return client_gone_; }
    void cancel() override { cancel_waits(); }
    // HTTP/2 has no upgrades.
    awaitable<error_code> send_upgrade(const ResponseHead& head) override;
    awaitable<IoResult> read_tunnel(std::string_view& bytes) override;
    awaitable<error_code> write_tunnel(std::string_view bytes) override;
    void shutdown_tunnel() override {}

  private:
    void on_head(Http2Block block) override;
    void on_end() override;
    bool take_head(Http2Block& block);
    void send_head(bool whole);
    void client_left();

    Http2ServerConnection& connection_;
    RequestHead request_;
    std::optional<ResponseHead> unsent_head_;
    std::function<void()> on_gone_;
    std::uint64_t response_left_ = 0;  // of an announced length
    bool has_length_ = false;
    bool has_body_ = false;
    int refusal_ = 0;
    bool head_came_ = false;
    bool response_started_ = false;
    bool response_done_ = false;
    bool client_gone_ = false;
    bool left_ = false;  // aborted, or served
};

}  // namespace common
