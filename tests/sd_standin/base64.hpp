// Base64 with padding (RFC 4648 section 4), as the API carries images. Encoding only.
#pragma once

#include <string>
#include <string_view>

namespace standin {

std::string encode_base64(std::string_view bytes);

}  // namespace standin
