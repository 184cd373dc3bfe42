// The spans of a finished request, named as stock's (contract queue-proxy 8.2): the server's; below
// it kn.queueproxy.proxy; below that kn.queueproxy.wait, where there is a limit to wait for, and
// the client span of the request to the application.
#pragma once

#include "common/http/exchange.hpp"
#include "common/trace/tracer.hpp"
#include "proxy/serve_request.hpp"

namespace proxy {

// REQUIRES: record.trace is not null.
void record_spans(common::Tracer& tracer, const common::Exchange& client,
                  const RequestRecord& record, const Config& config);

}  // namespace proxy
