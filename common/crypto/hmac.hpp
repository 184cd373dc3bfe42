// Hashes for cookies and keys, random keys, and the text form of bytes. The only cryptography that
// we call ourselves; TLS is in common/net.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace common {

using Sha256 = std::array<std::uint8_t, 32>;

Sha256 sha256(std::string_view message);
// HMAC-SHA-256 (RFC 2104).
Sha256 hmac_sha256(std::string_view key, std::string_view message);
// Takes the same time whatever the bytes are. False if the sizes differ.
bool equal_in_constant_time(std::string_view a, std::string_view b);
// From the operating system's generator. Ends the process if that fails: nothing may run on a
// guessable key.
std::string random_bytes(std::size_t count);
// Of the same generator, for seeds.
std::uint64_t random_word();

// RFC 4648 section 5, without padding.
std::string base64url_encode(std::string_view bytes);
// Empty for anything that base64url_encode() does not make (padding, other characters, loose bits).
std::optional<std::string> base64url_decode(std::string_view text);

}  // namespace common
