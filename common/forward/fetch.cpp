#include "common/forward/fetch.hpp"

#include <array>
#include <utility>

#include <boost/asio/error.hpp>

#include "common/async/watchdog.hpp"
#include "common/forward/backend_connection.hpp"
#include "common/http2/client_connection.hpp"
#include "common/net/connect.hpp"

namespace common {
namespace {

std::unique_ptr<BackendExchange> begin(TimeSource& time, Protocol protocol,
                                       std::unique_ptr<Stream> stream) {
    if (protocol == Protocol::http1)
        return std::make_unique<BackendConnection>(std::move(stream), ParserLimits{});
    auto connection =
        std::make_shared<Http2ClientConnection>(std::move(stream), time, Http2Limits{});
    connection->start();
    return std::make_unique<Http2BackendExchange>(std::move(connection));
}

awaitable<error_code> exchange(BackendExchange& connection, const FetchRequest& request,
                               FetchResult& result) {
    const std::array<std::string_view, 1> parts{request.body};
    BodyPiece piece;
    piece.parts = parts;
    piece.bytes = request.body.size();
    piece.last = true;
    connection.start_request(request.head);
    error_code ec = co_await connection.send_body(piece);
    if (ec) co_return ec;
    do {
        ec = co_await connection.read_head(result.head);
        if (ec) co_return ec;
    } while (result.head.status < 200);
    while (!connection.response_done()) {
        const BodyRead read = co_await connection.read_body();
        if (read.ec) co_return read.ec;
        if (result.body.size() + read.piece.bytes > request.body_bytes_max)
            co_return make_error_code(boost::system::errc::message_size);
        for (const std::string_view part : read.piece.parts)
            result.body.append(part);
    }
    result.trailers = connection.trailers();
    co_return error_code{};
}

// The exchange on a connection that is to be had, or not; `deadline` is for all of it.
awaitable<FetchResult> fetch_on(TimeSource& time, DialResult dialled, FetchRequest request,
                                Instant deadline) {
    FetchResult result;
    result.ec = dialled.ec;
    if (result.ec) co_return result;
    result.connected = true;
    if (request.tls) {
        std::unique_ptr<Stream> plain = std::move(dialled.stream);
        dialled = co_await secure(time, std::move(plain), *request.tls, deadline - time.now());
        result.ec = dialled.ec;
        if (result.ec) co_return result;
    }
    request.head.fields.set("Connection", "close");
    if (!request.body.empty()) request.head.body = {BodyKind::length, request.body.size()};
    const std::unique_ptr<BackendExchange> connection =
        begin(time, request.protocol, std::move(dialled.stream));
    // Closed, not cancelled: no later step can begin a new wait.
    Watchdog watchdog(time, [&connection] { connection->close(); });
    watchdog.set(deadline);
    result.ec = co_await exchange(*connection, request, result);
    if (watchdog.expired()) result.ec = boost::asio::error::timed_out;
    co_return result;
}

void name_host(RequestHead& head, const std::string& host) {
    if (!head.fields.has("Host")) head.fields.add("Host", host);
}

}  // namespace

awaitable<FetchResult> fetch(TimeSource& time, FetchRequest request) {
    const Instant deadline = time.now() + request.timeout;
    name_host(request.head, to_string(request.address));
    DialResult dialled = co_await dial(time, request.address, request.timeout);
    co_return co_await fetch_on(time, std::move(dialled), std::move(request), deadline);
}

awaitable<FetchResult> fetch(TimeSource& time, ConnectTarget target, FetchRequest request) {
    const Instant deadline = time.now() + request.timeout;
    name_host(request.head, to_string(Address{target.host.host, target.host.port, {}}));
    DialResult dialled = co_await connect(time, std::move(target), request.timeout);
    co_return co_await fetch_on(time, std::move(dialled), std::move(request), deadline);
}

}  // namespace common
