#include "tests/support/server_fixture.hpp"

#include <utility>

#include "common/http/simple_response.hpp"

namespace common {

ServerFixture::ServerFixture(ServerConnection::Handler handler)
    : context{time, hangups, {}, std::move(handler)} {}

std::shared_ptr<MemoryPeer> ServerFixture::connect() {
    MemoryLink link = make_memory_link(io.get_executor());
    tasks.spawn("connection", serve(*this, std::move(link.stream)));
    time.settle();
    return link.peer;
}

std::string ServerFixture::exchange(MemoryPeer& client, std::string_view bytes) {
    client.send(bytes);
    time.settle();
    return client.take();
}

awaitable<void> ServerFixture::serve(ServerFixture& self, std::unique_ptr<Stream> stream) {
    struct Counted {
        std::size_t& n;
        ~Counted() { --n; }
    };
    ServerConnection made(std::move(stream), self.context);
    const Counted counted{++self.open};
    self.connection = &made;
    co_await made.run();
    self.connection = nullptr;
}

std::string without_date(std::string message) {
    const std::string_view date = "Date: Mon, 23 Nov 2026 10:15:30 GMT\r\n";
    const std::size_t at = message.find(date);
    if (at != std::string::npos) message.erase(at, date.size());
    return message;
}

std::string get(std::string_view target, std::string_view more) {
    return "GET " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n" + std::string(more) + "\r\n";
}

awaitable<void> answer_target(Exchange& exchange) {
    co_await respond_text(exchange, 200, exchange.request().target);
}

awaitable<void> answer_body(Exchange& exchange) {
    std::string body;
    while (true) {
        const BodyRead read = co_await exchange.read_body();
        if (read.ec) co_return;
        for (const std::string_view part : read.piece.parts)
            body += part;
        if (read.piece.last) break;
    }
    co_await respond_text(exchange, 200, body);
}

}  // namespace common
