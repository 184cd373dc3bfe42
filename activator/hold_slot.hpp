// A slot that is taken though its client is gone: the pod may still be at work for it.
#pragma once

#include <memory>

#include "activator/serve_request.hpp"
#include "common/forward/backend_exchange.hpp"

namespace activator {

// Ends when the pod has, or after `at_most`, and frees the slot. `context` outlives it.
common::awaitable<void> hold_slot(ServeContext& context, Router::Detached held,
                                  std::unique_ptr<common::BackendExchange> connection,
                                  Duration at_most);

}  // namespace activator
