#include "tests/support/relay_fixture.hpp"

#include <utility>

#include "common/http/forwarding.hpp"
#include "common/http/simple_response.hpp"

namespace common {

RelayFixture::RelayFixture()
    : ServerFixture([this](Exchange& exchange) { return serve(exchange, *this); }) {}

void RelayFixture::start(std::string_view request) {
    if (!client) client = connect();
    client_says(request);
}

std::string RelayFixture::backend_got() {
    time.settle();
    return backend ? backend->take() : std::string();
}

std::string RelayFixture::client_got() {
    time.settle();
    return without_date(client->take());
}

void RelayFixture::backend_says(std::string_view bytes) {
    backend->send(bytes);
    time.settle();
}

void RelayFixture::client_says(std::string_view bytes) {
    client->send(bytes);
    time.settle();
}

awaitable<void> RelayFixture::serve(Exchange& exchange, RelayFixture& self) {
    MemoryLink link = make_memory_link(self.io.get_executor(), "127.0.0.1:8080");
    self.backend = link.peer;
    self.backend->set_window(self.backend_window);
    BackendConnection connection(std::move(link.stream), ParserLimits{});
    RequestBody body(exchange, std::size_t{64} << 10);
    Relay relay(exchange, connection, body, self.tasks, self.time);
    RelayTimeouts timeouts;
    timeouts.started = self.time.now();
    if (self.total > Duration::zero()) timeouts.total = timeouts.started + self.total;
    timeouts.response_start = self.response_start;
    timeouts.idle = self.idle;
    self.result = co_await relay.run(forward_request_head(exchange.request(), exchange.peer()),
                                     timeouts, self.on_head);
    self.bytes_sent = connection.bytes_sent();
    self.reusable = connection.reusable();
    co_await self.finish(exchange, connection);
}

// As the programs do it.
awaitable<void> RelayFixture::finish(Exchange& exchange, BackendConnection& connection) {
    const RelayEnd end = result->end;
    if (drain) {
        co_await connection.drain();
        drained = connection.response_done();
    }
    if (end == RelayEnd::complete || end == RelayEnd::client_gone) co_return;
    if (exchange.response_started()) {
        exchange.abort();
    } else if (end == RelayEnd::timed_out) {
        co_await respond_text(exchange, 504, "request timeout");
    } else {
        co_await respond_plain_error(exchange, end == RelayEnd::declined ? 503 : 502, "no");
    }
}

}  // namespace common
