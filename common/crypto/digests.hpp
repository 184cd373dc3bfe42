// Digests that other programs' formats ask for. Neither protects anything: MD5 shortens Knative's
// object names, SHA-1 is what a WebSocket handshake repeats.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace common {

// 32 lower-case hexadecimal digits.
std::string md5_hex(std::string_view text);
// 20 bytes.
std::string sha1(std::string_view text);

// RFC 4648 section 4, with padding.
std::string base64_encode(std::string_view bytes);
// Empty for anything that is no such text; line breaks are let pass (kubeconfigs have them).
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace common
