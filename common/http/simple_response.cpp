#include "common/http/simple_response.hpp"

#include <array>
#include <optional>
#include <utility>

namespace common {

awaitable<error_code> respond(Exchange& exchange, SimpleResponse response) {
    ResponseHead head;
    head.status = response.status;
    head.fields = std::move(response.fields);
    if (!response.content_type.empty()) head.fields.add("Content-Type", response.content_type);
    head.body = {BodyKind::length, response.body.size()};
    // What the client still sends would have to be read first; what it has sent is just dropped.
    while (!exchange.body_done()) {
        const std::optional<BodyRead> unwanted = exchange.body_at_hand();
        if (!unwanted || unwanted->ec) break;
    }
    head.keep_alive = exchange.body_done();
    if (exchange.request().method == "HEAD" || !status_has_body(head.status)) response.body.clear();
    exchange.start_response(std::move(head));
    const std::array<std::string_view, 1> parts{response.body};
    BodyPiece piece;
    piece.parts = parts;
    piece.bytes = response.body.size();
    piece.last = true;
    co_return co_await exchange.send_body(piece);
}

awaitable<error_code> respond_text(Exchange& exchange, int status, std::string body) {
    SimpleResponse response;
    response.status = status;
    response.content_type = "text/plain; charset=utf-8";
    response.body = std::move(body);
    co_return co_await respond(exchange, std::move(response));
}

awaitable<error_code> respond_plain_error(Exchange& exchange, int status, std::string message) {
    SimpleResponse response;
    response.status = status;
    response.content_type = "text/plain; charset=utf-8";
    response.fields.add("X-Content-Type-Options", "nosniff");
    response.body = std::move(message) + "\n";
    co_return co_await respond(exchange, std::move(response));
}

}  // namespace common
