// Compresses whole texts that we make ourselves, for readers that ask for it: a scrape of the
// metrics port is long and shrinks to a tenth. Nothing that is relayed passes here.
#pragma once

#include <string>
#include <string_view>

#include "common/http/fields.hpp"

namespace common {

// Accept-Encoding names gzip (or *) and does not weigh it 0 (RFC 9110 12.5.3).
bool accepts_gzip(const Fields& fields);
// One member of the gzip format (RFC 1952).
std::string gzip(std::string_view text);

}  // namespace common
