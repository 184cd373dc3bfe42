// The Date field.
#pragma once

#include <string_view>

#include "common/core/time.hpp"

namespace common {

// "Mon, 23 Nov 2026 10:15:30 GMT" (RFC 9110 5.6.7). The view is valid until the next call: the text
// is made once a second.
std::string_view http_date(WallTime now);

}  // namespace common
