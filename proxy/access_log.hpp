// The access log of a queue-proxy (SLUICE_ACCESS_LOG): an event of the process's log for each
// finished request, as the activator has it. The request log of contract 8.1 (request_logger) is
// another matter: its bytes are the operator's, and it goes to stdout.
#pragma once

#include "common/http/exchange.hpp"
#include "proxy/serve_request.hpp"

namespace proxy {

// Who ended it: "client", "queue" (no room to wait), "timeout", "pod" (the application, also if it
// could not be reached), or "queue-proxy" for what it answers by itself.
std::string_view ended_by(const RequestRecord& record);
// The answer was an error of the server's side, or broke off. Never true for a probe.
bool has_failed(const RequestRecord& record);
// Probes are not told. Of the target only the path is: a query may hold secrets.
void log_request(const common::Exchange& client, const RequestRecord& record);

}  // namespace proxy
