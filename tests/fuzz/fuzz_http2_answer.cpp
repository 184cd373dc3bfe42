// A backend's HTTP/2 connection: whatever it answers, each request ends, and nothing is left.
#include <memory>
#include <string>

#include "common/http2/client_connection.hpp"
#include "tests/fuzz/http2_world.hpp"

namespace {

using common::awaitable;

constexpr int requests = 3;

awaitable<void> ask(std::shared_ptr<common::Http2ClientConnection> connection, int& ended) {
    common::Http2BackendExchange exchange(std::move(connection));
    common::RequestHead head;
    head.method = "GET";
    head.target = "/";
    head.fields.add("Host", "h");
    exchange.start_request(head);
    common::error_code ec = co_await exchange.flush();
    common::ResponseHead answer;
    while (!ec) {
        ec = co_await exchange.read_head(answer);
        if (ec) break;
        HOLDS(answer.status >= 100 && answer.status <= 999);
        if (answer.status >= 200) break;
    }
    while (!ec && !exchange.response_done()) {
        const common::BodyRead read = co_await exchange.read_body();
        if (read.ec || read.piece.last) break;
    }
    ++ended;
}

}  // namespace

FUZZ_TARGET(data, size) {
    fuzz::Input input(data, size);
    fuzz::Http2World world;
    int ended = 0;
    {
        auto connection = std::make_shared<common::Http2ClientConnection>(
            std::move(world.link.stream), world.time, common::Http2Limits{});
        connection->start();
        for (int i = 0; i < requests; ++i)
            world.tasks.spawn("request", ask(connection, ended));
        world.time.settle();
        world.play(input);
        if (!world.link.peer->closed()) world.link.peer->end();
        world.time.settle();
        world.time.advance(fuzz::everything_is_over);
        connection->close();
        world.time.settle();
    }
    HOLDS(ended == requests);
    HOLDS(world.tasks.size() == 0 && world.tasks.failures() == 0);
    HOLDS(world.time.armed() == 0);
    return 0;
}
