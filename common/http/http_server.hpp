// A listening HTTP port: accepts, runs one task per connection, and knows them all for the
// shutdown.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>

#include "common/async/task_group.hpp"
#include "common/http/server_connection.hpp"
#include "common/http2/server_connection.hpp"
#include "common/net/listener.hpp"
#include "common/net/tls_stream.hpp"

namespace common {

class HttpServer {
  public:
    // `tasks`, `time` and `hangups` outlive the server and its connections.
    HttpServer(TaskGroup& tasks, TimeSource& time, HangupWatch& hangups, ServerLimits limits,
               ServerConnection::Handler handler);

    // Connections speak TLS, each with the context that `context` returns when it comes. Before
    // start().
    void secure_with(std::function<std::shared_ptr<const TlsContext>()> context) {
        tls_context_ = std::move(context);
    }

    // Binds. Returns "" or what is wrong, in one line.
    std::string open(const Address& address);
    // Instead: a listening socket of a process that hands over to us. As open().
    std::string adopt(UniqueFd socket) { return listener_.adopt(std::move(socket)); }
    // The listening socket, to be handed over; stays ours.
    int native_handle() { return listener_.native_handle(); }
    void start();
    Address local_address() const { return listener_.local_address(); }

    // Another process accepts from now on. No client loses a request: idle connections stay for
    // the next one, whose answer asks to connect anew; HTTP/2 clients are told so at once
    // (GOAWAY without an end), and what they begin meanwhile is served. shut_down() ends that.
    void retire();
    // Accepts no more, closes idle connections, lets the others finish their request. HTTP/2
    // clients are told to go (GOAWAY), unless `keep_http2`: then they may begin streams until
    // close_now().
    void shut_down(bool keep_http2 = false);
    // Closes everything at once.
    void close_now();
    // Open connections, TLS handshakes included, but for those of HTTP/2 that shut_down() kept.
    std::size_t connections() const;
    // Since the start: connections closed at once because a limit was reached, and those that made
    // room for another.
    std::size_t refused() const { return refused_; }
    std::size_t evicted() const { return evicted_; }
    // Those of them that carry a tunnel (a WebSocket).
    std::size_t upgraded() const;
    // Streams under way on connections that shut_down() kept.
    std::size_t kept_streams() const;
    // Called whenever a connection or a stream has ended.
    void when_connection_ends(std::function<void()> callback) {
        on_connection_end_ = std::move(callback);
    }

  private:
    class Place;
    // Connections, handshakes under way included. Shared, because a task that is thrown away with
    // the event loop outlives us.
    struct Counts {
        std::size_t all = 0;
        std::unordered_map<std::string, std::size_t> by_client;  // by address
    };
    struct Open {
        ServerConnection* connection;
        std::string host;
    };
    struct OpenHttp2 {
        Http2ServerConnection* connection;
        std::string host;
    };

    void accept(std::unique_ptr<Stream> stream);
    bool make_room(const std::string* host);
    awaitable<void> serve(std::unique_ptr<Stream> stream, std::unique_ptr<Place> place);
    awaitable<void> serve_secured(std::unique_ptr<Stream> stream, std::unique_ptr<Place> place);
    awaitable<Http2Start> serve_http1(std::unique_ptr<Stream> stream, std::string host);
    awaitable<void> serve_http2(Http2Start start, std::string host);
    void ended() const {
        if (on_connection_end_) on_connection_end_();
    }
    void close_handshakes();

    TaskGroup& tasks_;
    ServerConnection::Context context_;
    Listener listener_;
    std::list<Open> connections_;  // in the order they came
    std::list<OpenHttp2> http2_connections_;
    bool keep_http2_ = false;
    std::shared_ptr<Counts> counts_ = std::make_shared<Counts>();
    std::size_t refused_ = 0;
    std::size_t evicted_ = 0;
    std::list<TlsStream*> handshakes_;  // under way
    std::function<std::shared_ptr<const TlsContext>()> tls_context_;
    std::function<void()> on_connection_end_;
};

}  // namespace common
