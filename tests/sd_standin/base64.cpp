// Base64, three bytes at a time; megabytes of image pass here, so no per-character appends.
#include "tests/sd_standin/base64.hpp"

#include <cstdint>

namespace standin {
namespace {

constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}

std::string encode_base64(std::string_view bytes) {
    const auto byte_at = [&](std::size_t i) -> std::uint32_t {
        return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0U;
    };
    std::string text((bytes.size() + 2) / 3 * 4, '=');
    char* out = text.data();
    for (std::size_t i = 0; i < bytes.size(); i += 3, out += 4) {
        const std::uint32_t group = byte_at(i) << 16 | byte_at(i + 1) << 8 | byte_at(i + 2);
        out[0] = alphabet[group >> 18];
        out[1] = alphabet[group >> 12 & 63];
        if (i + 1 < bytes.size()) out[2] = alphabet[group >> 6 & 63];
        if (i + 2 < bytes.size()) out[3] = alphabet[group & 63];
    }
    return text;
}

}  // namespace standin
