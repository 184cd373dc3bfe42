#include "proxy/hold_slot.hpp"

#include <utility>

#include "common/forward/fetch.hpp"
#include "common/log/log.hpp"

namespace proxy {
namespace {

// An application that does not answer its interrupt path by then will not.
constexpr Duration interrupt_timeout = std::chrono::seconds(5);

common::awaitable<void> interrupt(ServeContext& context) {
    const common::PathPattern& path = *context.config.knobs.interrupt_path;
    common::FetchRequest request;
    request.address = {.host = "127.0.0.1", .port = context.config.user_port, .unix_path = {}};
    request.head.method = path.method.empty() ? "POST" : path.method;
    request.head.target = path.path;
    const bool says_length = request.head.method == "POST" || request.head.method == "PUT";
    if (says_length) request.head.body = {common::BodyKind::length, 0};
    request.timeout = interrupt_timeout;
    const common::FetchResult result = co_await common::fetch(context.time, std::move(request));
    if (result.ec) {
        common::log_warning("interrupt_failed", "the interrupt path did not answer",
                            {{"path", path.path}, {"error", result.ec.message()}});
    }
}

}  // namespace

HeldSlot::HeldSlot(ServeContext& context, Ticket& ticket, bool proxied,
                   std::unique_ptr<common::BackendExchange> connection, bool upload_cut)
    : context_(&context), id_(ticket.id), proxied_(proxied), connection_(std::move(connection)) {
    // The application finds the end of a body that it waits for in vain.
    if (upload_cut) connection_->shutdown_send();
    context.gate.hold(ticket, context.config.slot_hold_max,
                      [connection = std::weak_ptr(connection_)] {
                          if (const auto alive = connection.lock()) alive->close();
                      });
}

common::awaitable<void> HeldSlot::wait(HeldSlot held) {
    ServeContext& context = *held.context_;
    const bool wants_interrupt = context.config.on_disconnect == common::OnDisconnect::interrupt &&
                                 context.config.knobs.interrupt_path.has_value();
    // Before the answer's end frees the slot: an interrupt that came later would hit the next job.
    if (wants_interrupt) co_await interrupt(context);
    co_await held.connection_->drain();
    held.connection_->close();
    context.gate.release_held(held.id_);
    const Instant now = context.time.now();
    held.proxied_ ? context.stats.proxied_out(now) : context.stats.request_out(now);
}

}  // namespace proxy
