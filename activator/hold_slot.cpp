#include "activator/hold_slot.hpp"

#include "common/async/watchdog.hpp"

namespace activator {

common::awaitable<void> hold_slot(ServeContext& context, Router::Detached held,
                                  std::unique_ptr<common::BackendExchange> connection,
                                  Duration at_most) {
    common::Watchdog watchdog(context.time, [&connection] { connection->close(); });
    watchdog.set(context.time.now() + at_most);
    // Our queue-proxy takes the half-closed connection for "the client is gone, tell me when it is
    // over".
    connection->shutdown_send();
    co_await connection->drain();
    watchdog.clear();
    connection->close();
    context.router.finish_detached(held);
}

}  // namespace activator
