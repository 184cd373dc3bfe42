#include "common/crypto/hmac.hpp"

#include <array>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "common/core/check.hpp"

namespace common {
namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// What a letter stands for; 64: no letter of the alphabet.
constexpr std::array<std::uint8_t, 256> values_of_letters() {
    std::array<std::uint8_t, 256> values{};
    values.fill(64);
    for (std::size_t i = 0; i < alphabet.size(); ++i)
        values[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
    return values;
}
constexpr std::array<std::uint8_t, 256> letter_values = values_of_letters();

const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

Sha256 sha256(std::string_view message) {
    Sha256 digest{};
    unsigned int length = 0;
    const int made =
        EVP_Digest(message.data(), message.size(), digest.data(), &length, EVP_sha256(), nullptr);
    CHECK(made == 1 && length == digest.size());
    return digest;
}

Sha256 hmac_sha256(std::string_view key, std::string_view message) {
    Sha256 digest{};
    unsigned int length = 0;
    const unsigned char* made = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                                     bytes_of(message), message.size(), digest.data(), &length);
    CHECK(made != nullptr && length == digest.size());
    return digest;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string random_bytes(std::size_t count) {
    std::string bytes(count, '\0');
    const int made =
        RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count));
    CHECK(made == 1);
    return bytes;
}

std::uint64_t random_word() {
    std::uint64_t word = 0;
    for (const char c : random_bytes(sizeof word))
        word = word << 8 | static_cast<unsigned char>(c);
    return word;
}

std::string base64url_encode(std::string_view bytes) {
    std::string text;
    text.reserve((bytes.size() * 4 + 2) / 3);
    std::uint32_t bits = 0;
    int count = 0;
    for (const char c : bytes) {
        bits = bits << 8 | static_cast<unsigned char>(c);
        count += 8;
        while (count >= 6) {
            count -= 6;
            text += alphabet[bits >> count & 63];
        }
    }
    if (count > 0) text += alphabet[bits << (6 - count) & 63];
    return text;
}

std::optional<std::string> base64url_decode(std::string_view text) {
    std::string bytes(text.size() * 3 / 4, '\0');
    std::size_t size = 0;
    std::uint32_t bits = 0;
    int count = 0;
    for (const char c : text) {
        const std::uint32_t value = letter_values[static_cast<unsigned char>(c)];
        if (value == 64) return std::nullopt;
        bits = bits << 6 | value;
        count += 6;
        if (count < 8) continue;
        count -= 8;
        bytes[size++] = static_cast<char>(bits >> count & 255);
    }
    const bool loose = count >= 6 || (bits & ((1U << count) - 1)) != 0;
    if (loose) return std::nullopt;
    return bytes;  // all of them are written: 6 bits a letter, 8 a byte
}

}  // namespace common
