#include "common/crypto/digests.hpp"

#include <openssl/evp.h>

#include "common/core/check.hpp"

namespace common {
namespace {

std::string digest(const EVP_MD* kind, std::string_view text) {
    std::string bytes(EVP_MAX_MD_SIZE, '\0');
    unsigned size = 0;
    const int made =
        EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(bytes.data()), &size,
                   kind, nullptr);
    CHECK(made == 1);
    bytes.resize(size);
    return bytes;
}

}  // namespace

std::string md5_hex(std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string hex;
    for (const char c : digest(EVP_md5(), text)) {
        const auto byte = static_cast<unsigned char>(c);
        hex += digits[byte >> 4];
        hex += digits[byte & 15];
    }
    return hex;
}

std::string sha1(std::string_view text) {
    return digest(EVP_sha1(), text);
}

std::string base64_encode(std::string_view bytes) {
    std::string text((bytes.size() + 2) / 3 * 4, '\0');
    // One more for the terminator that OpenSSL writes.
    text.push_back('\0');
    const int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                  reinterpret_cast<const unsigned char*>(bytes.data()),
                                  static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(n));
    return text;
}

std::optional<std::string> base64_decode(std::string_view text) {
    std::string packed;
    for (const char c : text) {
        if (c != '\n' && c != '\r') packed += c;
    }
    if (packed.size() % 4 != 0) return std::nullopt;
    std::string bytes(packed.size() / 4 * 3, '\0');
    const int n = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                  reinterpret_cast<const unsigned char*>(packed.data()),
                                  static_cast<int>(packed.size()));
    if (n < 0) return std::nullopt;
    // OpenSSL counts the padding's zeros in.
    std::size_t padding = 0;
    while (padding < 2 && padding < packed.size() && packed[packed.size() - 1 - padding] == '=')
        ++padding;
    bytes.resize(static_cast<std::size_t>(n) - padding);
    return bytes;
}

}  // namespace common
