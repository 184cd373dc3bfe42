// RFC 9110's token (5.6.2): what the name of a header field is made of, of a cookie (RFC
// 6265 4.1.1), and of an entry of Baggage.
#pragma once

#include <string_view>

namespace common {

// False for "".
bool is_token(std::string_view text);

}  // namespace common
