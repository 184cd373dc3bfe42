// What happens between "the client has no more use for the answer" and "the slot is free": the
// application's answer is read and dropped, at most for SLUICE_SLOT_HOLD_MAX, after asking it to
// stop where the revision says how (sluice.dev/on-disconnect).
#pragma once

#include <memory>

#include "common/forward/backend_exchange.hpp"
#include "proxy/serve_request.hpp"

namespace proxy {

// Takes over the ticket of an admitted request: marks its slot held at once, then, in the
// coroutine, waits and frees it.
class HeldSlot {
  public:
    // REQUIRES: ticket is admitted. `upload_cut`: the application waits for the rest of a body that
    // will not come.
    HeldSlot(ServeContext& context, Ticket& ticket, bool proxied,
             std::unique_ptr<common::BackendExchange> connection, bool upload_cut);

    // Returns when the slot is free. By value and static: the coroutine owns what it works on.
    static common::awaitable<void> wait(HeldSlot held);

  private:
    ServeContext* context_;
    RequestId id_;
    bool proxied_;
    std::shared_ptr<common::BackendExchange> connection_;
};

}  // namespace proxy
