#include "common/http/http_server.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/http/forwarding.hpp"

namespace common {
namespace {

// Longer than any client takes; a silent one must not hold a connection for the time of a head.
constexpr Duration handshake_timeout = std::chrono::seconds(10);

}  // namespace

// One accepted connection in the counts, as long as its task lives.
class HttpServer::Place {
  public:
    Place(std::shared_ptr<Counts> counts, std::string host)
        : counts_(std::move(counts)), host_(std::move(host)) {
        ++counts_->all;
        ++counts_->by_client[host_];
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() {
        --counts_->all;
        const auto client = counts_->by_client.find(host_);
        if (--client->second == 0) counts_->by_client.erase(client);
    }
    const std::string& host() const { return host_; }

  private:
    std::shared_ptr<Counts> counts_;
    std::string host_;
};

HttpServer::HttpServer(TaskGroup& tasks, TimeSource& time, HangupWatch& hangups,
                       ServerLimits limits, ServerConnection::Handler handler)
    : tasks_(tasks), context_{time, hangups, limits, std::move(handler)}, listener_(tasks, time) {}

std::string HttpServer::open(const Address& address) {
    return listener_.open(address);
}

void HttpServer::start() {
    listener_.start([this](std::unique_ptr<Stream> stream) { accept(std::move(stream)); });
}

void HttpServer::accept(std::unique_ptr<Stream> stream) {
    const ServerLimits& limits = context_.limits;
    std::string host(host_of_peer(stream->peer()));
    const auto client = counts_->by_client.find(host);
    const std::size_t of_client = client == counts_->by_client.end() ? 0 : client->second;
    const bool client_full =
        limits.connections_per_client_max > 0 && of_client >= limits.connections_per_client_max;
    const bool full = limits.connections_max > 0 && counts_->all >= limits.connections_max;
    if ((client_full || full) && !make_room(client_full ? &host : nullptr)) {
        ++refused_;
        stream->close(true);
        return;
    }
    auto place = std::make_unique<Place>(counts_, std::move(host));
    const bool secured = tls_context_ != nullptr;
    tasks_.spawn("connection", secured ? serve_secured(std::move(stream), std::move(place))
                                       : serve(std::move(stream), std::move(place)));
}

// Closes the oldest connection without a request, of `host` if that is given.
bool HttpServer::make_room(const std::string* host) {
    for (const Open& open : connections_) {
        if (!open.connection->may_make_room() || (host != nullptr && open.host != *host)) continue;
        open.connection->close_now();
        ++evicted_;
        return true;
    }
    for (const OpenHttp2& open : http2_connections_) {
        if (!open.connection->may_make_room() || (host != nullptr && open.host != *host)) continue;
        open.connection->close();
        ++evicted_;
        return true;
    }
    return false;
}

awaitable<void> HttpServer::serve_secured(std::unique_ptr<Stream> stream,
                                          std::unique_ptr<Place> place) {
    auto tls = std::make_unique<TlsStream>(std::move(stream), tls_context_());
    const auto entry = handshakes_.insert(handshakes_.end(), tls.get());
    const error_code ec = co_await tls->handshake(context_.time, handshake_timeout);
    handshakes_.erase(entry);
    if (ec || context_.closing) {
        place.reset();
        ended();
        co_return;
    }
    if (context_.limits.http2 && tls->protocol() == "h2") {
        Http2Start start;
        start.stream = std::move(tls);
        co_await serve_http2(std::move(start), place->host());
        place.reset();
        ended();
    } else {
        co_await serve(std::move(tls), std::move(place));
    }
}

void HttpServer::close_handshakes() {
    for (TlsStream* tls : handshakes_)
        tls->close();
}

awaitable<void> HttpServer::serve(std::unique_ptr<Stream> stream, std::unique_ptr<Place> place) {
    Http2Start start = co_await serve_http1(std::move(stream), place->host());
    if (start.stream) co_await serve_http2(std::move(start), place->host());
    place.reset();
    ended();
}

// Returns a start with a stream if the client speaks HTTP/2.
awaitable<Http2Start> HttpServer::serve_http1(std::unique_ptr<Stream> stream, std::string host) {
    ServerConnection connection(std::move(stream), context_);
    const Open open{&connection, std::move(host)};
    const auto entry = connections_.insert(connections_.end(), open);
    try {
        co_await connection.run();
    } catch (...) {
        connections_.erase(entry);
        throw;
    }
    connections_.erase(entry);
    Http2Start start;
    if (!connection.found_http2()) co_return start;
    start.already_read = connection.unparsed();
    start.upgrade = connection.take_upgrade();
    start.stream = connection.take_stream();
    co_return start;
}

awaitable<void> HttpServer::serve_http2(Http2Start start, std::string host) {
    Http2ServerConnection connection(std::move(start), context_, tasks_, [this] { ended(); });
    const OpenHttp2 open{&connection, std::move(host)};
    const auto entry = http2_connections_.insert(http2_connections_.end(), open);
    if (context_.closing && !keep_http2_) connection.close();
    if (context_.retiring) connection.announce_end();
    try {
        co_await connection.run();
    } catch (...) {
        http2_connections_.erase(entry);
        throw;
    }
    http2_connections_.erase(entry);
}

std::size_t HttpServer::connections() const {
    return counts_->all - (keep_http2_ ? http2_connections_.size() : 0);
}

std::size_t HttpServer::kept_streams() const {
    std::size_t streams = 0;
    if (keep_http2_) {
        for (const OpenHttp2& open : http2_connections_)
            streams += open.connection->streams();
    }
    return streams;
}

std::size_t HttpServer::upgraded() const {
    return static_cast<std::size_t>(
        std::count_if(connections_.begin(), connections_.end(),
                      [](const Open& open) { return open.connection->upgraded(); }));
}

void HttpServer::retire() {
    context_.retiring = true;
    listener_.close();
    for (const OpenHttp2& open : http2_connections_)
        open.connection->announce_end();
}

void HttpServer::shut_down(bool keep_http2) {
    context_.closing = true;
    keep_http2_ = keep_http2;
    listener_.close();
    close_handshakes();
    for (const Open& open : connections_)
        open.connection->close_when_idle();
    if (keep_http2) return;
    for (const OpenHttp2& open : http2_connections_)
        open.connection->finish();
}

void HttpServer::close_now() {
    context_.closing = true;
    listener_.close();
    close_handshakes();
    for (const Open& open : connections_)
        open.connection->close_now();
    for (const OpenHttp2& open : http2_connections_)
        open.connection->close();
}

}  // namespace common
