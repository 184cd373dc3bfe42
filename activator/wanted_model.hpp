// Which model does a request want, as far as that can be known before it takes its place in line
// (sluice.dev/model-key): from a header, or from the first bytes of its body.
#pragma once

#include "activator/model_reader.hpp"
#include "activator/serve_request.hpp"
#include "common/forward/request_body.hpp"

namespace activator {

// What is not known in time (model_wait_max) is no model in particular: a request is never held up
// for it. What is read of the body is kept in `body` and goes to the pod. All arguments outlive the
// call.
common::awaitable<ModelKey> wanted_model(common::Exchange& client, common::RequestBody& body,
                                         const Revision& revision, ServeContext& context);

}  // namespace activator
