#include "proxy/core/left_connection.hpp"

#include <algorithm>
#include <charconv>

namespace proxy {
namespace {

constexpr std::string_view close_wait = "08";  // TCP_CLOSE_WAIT

std::string_view next_field(std::string_view& rest) {
    const std::size_t begin = std::min(rest.find_first_not_of(' '), rest.size());
    rest.remove_prefix(begin);
    const std::size_t length = std::min(rest.find(' '), rest.size());
    const std::string_view field = rest.substr(0, length);
    rest.remove_prefix(length);
    return field;
}

struct End {
    std::string_view address;  // hex, 32-bit words in the byte order of this machine
    std::optional<std::uint16_t> port;
};

End read_end(std::string_view field) {
    constexpr int hex = 16;
    const std::size_t colon = field.rfind(':');
    if (colon == std::string_view::npos) return {};
    const std::string_view digits = field.substr(colon + 1);
    std::uint16_t port = 0;
    const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), port, hex);
    if (ec != std::errc() || end != digits.data() + digits.size()) return {};
    return {field.substr(0, colon), port};
}

// 127.0.0.0/8, also as an IPv6 address, and ::1.
bool is_loopback(std::string_view address) {
    constexpr std::string_view mapped = "0000000000000000FFFF0000";
    constexpr std::string_view loopback6 = "00000000000000000000000001000000";
    if (address == loopback6) return true;
    if (address.starts_with(mapped)) address.remove_prefix(mapped.size());
    return address.size() == 8 && address.ends_with("7F");
}

}  // namespace

std::optional<std::uint16_t> left_connection(std::string_view line, std::uint16_t user_port) {
    next_field(line);  // its number
    const End here = read_end(next_field(line));
    const End there = read_end(next_field(line));
    const bool is_left = next_field(line) == close_wait && here.port == user_port;
    return is_left && is_loopback(there.address) ? there.port : std::nullopt;
}

}  // namespace proxy
