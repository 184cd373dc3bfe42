// The spans of a finished request: the server's, and below it each wait for a pod, the cold start
// in it, and each time with a pod (a client span, named "run" as in metrics and log).
#pragma once

#include "activator/revision.hpp"
#include "activator/serve_request.hpp"
#include "common/http/exchange.hpp"
#include "common/trace/tracer.hpp"

namespace activator {

// `revision` is null if none was found. REQUIRES: record.trace is not null.
void record_spans(common::Tracer& tracer, const common::Exchange& client,
                  const RequestRecord& record, const Revision* revision);

}  // namespace activator
