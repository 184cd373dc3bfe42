// Our one cookie among the application's (RFC 6265). Other cookies pass byte for byte.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/http/fields.hpp"

namespace common {

// The values of every cookie of that name in the request's Cookie fields, in order. Names are
// case-sensitive.
std::vector<std::string_view> find_cookies(const Fields& fields, std::string_view name);
// Takes every cookie of that name out of the Cookie fields; a field with nothing left goes away.
void strip_cookie(Fields& fields, std::string_view name);

}  // namespace common
