// The server's side of one HTTP/2 connection: each stream of the client is an Exchange, served by
// the same handler as an HTTP/1.1 request, in a task of its own.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/async/task_group.hpp"
#include "common/http/server_connection.hpp"
#include "common/http2/stream.hpp"

namespace common {

class Http2Exchange;

// What a connection has behind it when it turns out to be one of HTTP/2.
struct Http2Start {
    std::unique_ptr<Stream> stream;
    std::string already_read;             // the preface's bytes, and what came with them
    std::unique_ptr<H2cUpgrade> upgrade;  // began as HTTP/1.1; the preface follows
};

class Http2ServerConnection final : public Http2Session {
  public:
    // `context` and `tasks` outlive it. `on_stream_end` is called after each stream.
    Http2ServerConnection(Http2Start start, ServerConnection::Context& context, TaskGroup& tasks,
                          std::function<void()> on_stream_end);
    ~Http2ServerConnection() override;

    // The connection's life; returns when it is closed and its last stream has been served.
    awaitable<void> run();
    // Asks the client to go on elsewhere (GOAWAY that still allows every stream, RFC 9113 6.8).
    void announce_end();
    // Says GOAWAY: no further streams. Closes when those under way have ended.
    void finish();
    // Streams that are being served.
    std::size_t streams() const { return exchanges_.size(); }
    // No whole request is here.
    bool may_make_room() const;

  private:
    friend class Http2Exchange;

    Http2Stream* begin_stream(std::int32_t id) override;
    void on_input() override;
    void on_closed() override;
    bool count_open_block(std::size_t held) override;
    void serve_later(Http2Exchange& exchange);
    void drop_later(Http2Exchange& exchange) {
        dropped_.push_back(&exchange);
        ended_.notify();
    }
    void begin_upgraded(H2cUpgrade upgrade);
    void erase_unserved();
    void set_idle_deadline();
    bool had_last_request() const;
    awaitable<void> serve(Http2Exchange& exchange);
    void erase(Http2Exchange& exchange);

    ServerConnection::Context& context_;
    TaskGroup& tasks_;
    std::function<void()> on_stream_end_;
    std::string already_read_;
    std::map<std::int32_t, std::unique_ptr<Http2Exchange>> exchanges_;
    // Heads that came since the last on_input(), and streams that ended without one.
    std::vector<Http2Exchange*> begun_;
    std::vector<Http2Exchange*> dropped_;
    Watchdog idle_watchdog_;            // without a stream
    std::size_t requests_ = 0;          // whose heads came
    std::size_t large_head_bytes_ = 0;  // our part of the context's
    bool said_last_ = false;
    Signal ended_;
};

}  // namespace common
