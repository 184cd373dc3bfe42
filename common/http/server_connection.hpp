// One client's HTTP/1.1 connection: reads a request, hands it to the handler as an Exchange, and
// goes on while the connection may be kept alive. It owns every byte buffer and every deadline of
// the connection; what a request means is the handler's business.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/async/signal.hpp"
#include "common/async/watchdog.hpp"
#include "common/http/exchange.hpp"
#include "common/http/input_buffer.hpp"
#include "common/http/message_parser.hpp"
#include "common/net/hangup_watch.hpp"

namespace common {

struct ServerLimits {
    ParserLimits parser;
    // From accept, or from the first byte of a later request, to the end of its head (contract
    // queue-proxy.md 2).
    Duration head_timeout = std::chrono::seconds(60);
    // A kept-alive connection without a request; zero: no limit (stock behaviour).
    Duration idle_timeout = Duration::zero();
    // The client takes no byte of the response for so long: it counts as gone.
    Duration send_timeout = std::chrono::seconds(300);
    // The client sends no byte of a body that we want to read.
    Duration body_timeout = std::chrono::seconds(300);
    // Requests on one connection; with the last one it is closed. 0: no limit.
    std::size_t requests_per_connection_max = 0;
    // What incomplete heads may hold beyond the first 4 KiB of each, all connections together: the
    // head that goes beyond gets 431.
    std::size_t large_heads_bytes_max = std::size_t{64} << 20;
    // Connections at once, and of one address (HttpServer). At a limit the one that has been
    // without a request longest makes room; if all serve one, the new connection is closed. 0: no
    // limit.
    std::size_t connections_max = 0;
    std::size_t connections_per_client_max = 0;
    // Clients may begin with the preface of HTTP/2, or choose it in the TLS handshake.
    bool http2 = false;
};

// A request that asked to go on in HTTP/2 (Upgrade: h2c), and has been told yes.
struct H2cUpgrade {
    RequestHead request;   // without a body; its answer is stream 1's
    std::string settings;  // the client's, as the payload of a SETTINGS frame
};

class ServerConnection final : public Exchange {
  public:
    using Handler = std::function<awaitable<void>(Exchange&)>;

    // What all connections of a server share; outlives them.
    struct Context {
        TimeSource& time;
        HangupWatch& hangups;
        ServerLimits limits;
        Handler handler;
        bool closing = false;               // answer what is under way, keep nothing alive
        bool retiring = false;              // a connection ends with the answer to its next request
        std::size_t large_heads_bytes = 0;  // held now, see ServerLimits
    };

    ServerConnection(std::unique_ptr<Stream> stream, Context& context);
    ~ServerConnection() override;

    // The connection's life; returns when it is closed.
    awaitable<void> run();
    // Closes the connection if it is between requests; otherwise it ends after the request under
    // way.
    void close_when_idle();
    void close_now();
    // Closing it now would cost nobody an answer.
    bool may_make_room() const { return !serving_ && !closed_; }

    bool upgraded() const { return upgraded_; }
    // run() returned because the client speaks HTTP/2; the connection goes on with these.
    bool found_http2() const { return found_http2_; }
    std::unique_ptr<Stream> take_stream() { return std::move(stream_); }
    std::unique_ptr<H2cUpgrade> take_upgrade() { return std::move(h2c_upgrade_); }
    std::string_view unparsed() const { return input_.data(); }

    const RequestHead& request() const override { return request_; }
    std::string peer() const override { return stream_->peer(); }
    bool secure() const override { return stream_->secure(); }
    std::optional<BodyRead> body_at_hand() override;
    awaitable<BodyRead> read_body() override;
    bool body_done() const override { return parser_.phase() == MessageParser::Phase::done; }
    void release_memory() override;
    awaitable<error_code> send_interim(const ResponseHead& head) override;
    void start_response(ResponseHead head) override;
    awaitable<error_code> send_body(BodyPiece piece) override;
    awaitable<error_code> flush() override;
    void set_trailers(const Fields& trailers) override { trailers_ = trailers; }
    bool response_started() const override { return response_started_; }
    bool response_done() const override { return response_done_; }
    void abort() override;
    void watch_client(std::function<void()> on_gone) override;
    bool client_gone() const override { return client_gone_; }
    void cancel() override;
    awaitable<error_code> send_upgrade(const ResponseHead& head) override;
    awaitable<IoResult> read_tunnel(std::string_view& bytes) override;
    awaitable<error_code> write_tunnel(std::string_view bytes) override;
    void shutdown_tunnel() override { stream_->shutdown_send(); }

  private:
    enum class HeadRead { request, closed, refused, http2 };
    enum class Preface { no, partly, whole };

    awaitable<HeadRead> read_head();
    Preface preface() const;
    awaitable<void> upgrade_to_http2();
    awaitable<void> refuse(ParseError error);
    awaitable<void> linger();
    awaitable<error_code> fill(std::size_t bytes);
    IoResult write_now(Stream::Buffers buffers);
    awaitable<error_code> write(Stream::Buffers buffers);
    awaitable<error_code> write_rest(Stream::Buffers buffers, IoResult sent);
    void begin_request();
    void keep_output_memory(std::string written);
    void set_head_deadline(bool started);
    bool count_large_head();
    void start_read(std::size_t bytes);
    void on_read(error_code ec, std::size_t n);
    void end_broken_response();
    void watch_hangup();
    void unwatch_hangup();
    void client_left();
    bool may_keep_alive() const;

    std::unique_ptr<Stream> stream_;
    Context& context_;
    InputBuffer input_;
    MessageParser parser_;
    RequestHead request_;
    // Reads and writes go on at the same time, so each has its own deadline.
    Watchdog read_watchdog_;
    Watchdog write_watchdog_;

    // The one read that may be under way, also in the background while the request is served: it
    // notices the client's end without a system call of its own, and what it reads belongs to the
    // next request.
    Signal read_done_;
    bool read_pending_ = false;
    bool read_cancelled_ = false;  // since it was started
    error_code read_error_;

    std::function<void()> on_gone_;
    bool hangup_watched_ = false;
    bool client_gone_ = false;

    std::string output_;  // head (and interim framing) that has not left yet
    // One write at a time: a 100 Continue of the upload may meet the response.
    Signal write_done_;
    bool writing_ = false;
    bool output_broken_ = false;  // a write failed, perhaps half-way: nothing may follow it
    Fields trailers_;
    Framing response_body_;
    std::uint64_t response_left_ = 0;
    bool response_started_ = false;
    bool response_done_ = false;
    bool response_keep_alive_ = false;
    bool body_seen_last_ = false;
    bool upgraded_ = false;
    bool closed_ = false;
    bool idle_ = true;  // between requests
    bool first_request_ = true;
    bool serving_ = false;  // the handler has a request
    std::size_t requests_ = 0;
    std::size_t large_head_bytes_ = 0;  // our part of the context's
    bool found_http2_ = false;
    std::unique_ptr<H2cUpgrade> h2c_upgrade_;  // rare
};

}  // namespace common
