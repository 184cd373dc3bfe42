// A client's HTTP/2 connection: whatever it sends, each stream's handler runs and ends, streams
// stay below their limit, and when the connection has ended nothing is left.
#include <map>
#include <string>

#include "common/http/simple_response.hpp"
#include "common/http2/server_connection.hpp"
#include "tests/fuzz/http2_world.hpp"

namespace {

using common::awaitable;

constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::string_view empty_settings("\0\0\0\4\0\0\0\0\0", 9);

std::size_t running = 0;

// Reads the body, and answers with its length.
awaitable<void> answer(common::Exchange& client) {
    ++running;
    HOLDS(running <= common::http2_streams_max);
    const common::RequestHead& head = client.request();
    HOLDS(!head.method.empty() && !head.target.empty());
    for (std::size_t i = 0; i < head.fields.size(); ++i)
        HOLDS(head.fields[i].value.find_first_of("\r\n") == std::string_view::npos);
    std::size_t bytes = 0;
    while (true) {
        const common::BodyRead read = co_await client.read_body();
        bytes += read.piece.bytes;
        if (read.ec || read.piece.last) break;
    }
    co_await common::respond_text(client, 200, std::to_string(bytes));
    --running;
}

awaitable<void> serve(fuzz::Http2World& world, common::ServerConnection::Context& context,
                      bool& open) {
    common::Http2Start start;
    start.stream = std::move(world.link.stream);
    common::Http2ServerConnection connection(std::move(start), context, world.tasks, nullptr);
    co_await connection.run();
    open = false;
}

}  // namespace

FUZZ_TARGET(data, size) {
    fuzz::Input input(data, size);
    running = 0;
    fuzz::Http2World world;
    common::ServerConnection::Context context{world.time, world.hangups, {}, answer};
    bool open = true;
    world.tasks.spawn("connection", serve(world, context, open));
    // Most inputs are to get beyond the preface.
    if (input.byte() % 8 != 0) {
        world.link.peer->send(preface);
        world.link.peer->send(empty_settings);
    }
    world.play(input);
    if (!world.link.peer->closed()) world.link.peer->end();
    world.time.settle();
    world.time.advance(fuzz::everything_is_over);
    HOLDS(!open);
    HOLDS(running == 0);
    HOLDS(world.tasks.size() == 0 && world.tasks.failures() == 0);
    HOLDS(world.time.armed() == 0);
    return 0;
}
