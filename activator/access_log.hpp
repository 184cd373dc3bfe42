// The access log: one line of the process's log for each finished request, with where its time went
// and who ended it.
#pragma once

#include "activator/revision.hpp"
#include "activator/serve_request.hpp"
#include "common/http/exchange.hpp"
#include "common/log/access_log.hpp"

namespace activator {

// "client", "queue", "pod", "timeout", or "activator" for what it answered by itself.
std::string_view text_of(RequestRecord::EndedBy ended_by);

// The answer was an error of the server's side, or broke off.
constexpr bool has_failed(const RequestRecord& record) {
    return record.status >= 500 || record.broken;
}

// `revision` is null if none was found. Of the target only the path is told: a query may hold
// secrets.
void log_request(const common::Exchange& client, const RequestRecord& record,
                 const Revision* revision);

}  // namespace activator
