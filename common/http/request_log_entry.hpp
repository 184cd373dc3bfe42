// The request's part of a request log line, and where the line goes.
#pragma once

#include <string>

#include "common/core/request_log.hpp"
#include "common/http/head.hpp"

namespace common {

// What the log says of the request itself. `head` and `peer` outlive the entry.
RequestLogEntry request_log_entry(const RequestHead& head, std::string_view peer);

// To standard output. A log that cannot be written must not end or block the service: the line is
// dropped then.
void write_request_log(const std::string& line);

}  // namespace common
