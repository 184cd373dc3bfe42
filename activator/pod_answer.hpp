// What a pod's answer says of its way, beside what the application says: what the queue-proxy
// declined, and the times that we tell its reader.
#pragma once

#include <cstdint>
#include <string>

#include "common/core/time.hpp"
#include "common/http/head.hpp"

namespace activator {

// Why the queue-proxy's answer is not passed on.
enum class Declined : std::uint8_t { no, busy, unreachable, lost, timeout };
Declined declined_by(const common::ResponseHead& head);

// The value of Server-Timing, in milliseconds with one decimal.
std::string server_timing(common::Duration queued, common::Duration cold, common::Duration run);

}  // namespace activator
