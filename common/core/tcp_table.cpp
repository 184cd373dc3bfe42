#include "common/core/tcp_table.hpp"

#include <algorithm>
#include <charconv>

namespace common {
namespace {

constexpr int hex = 16;

std::string_view next_field(std::string_view& line) {
    const std::size_t begin = std::min(line.find_first_not_of(' '), line.size());
    line.remove_prefix(begin);
    const std::size_t end = std::min(line.find(' '), line.size());
    const std::string_view field = line.substr(0, end);
    line.remove_prefix(end);
    return field;
}

template <class Number>
bool parse(std::string_view text, Number& number, int base) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    return error == std::errc{} && end == text.data() + text.size();
}

bool parse_end(std::string_view field, TcpSocket::End& end) {
    const std::size_t colon = field.rfind(':');
    if (colon == std::string_view::npos) return false;
    end.address = field.substr(0, colon);
    return parse(field.substr(colon + 1), end.port, hex);
}

}  // namespace

std::optional<TcpSocket> parse_tcp_table_line(std::string_view line) {
    // "  0: 0100007F:1F90 00000000:0000 0A 0:0 0:0 0 uid timeout inode …"
    TcpSocket socket;
    next_field(line);
    bool good = parse_end(next_field(line), socket.local);
    good = parse_end(next_field(line), socket.remote) && good;
    std::uint8_t state = 0;
    good = parse(next_field(line), state, hex) && good;
    socket.state = static_cast<TcpSocket::State>(state);
    for (int skipped = 0; skipped < 5; ++skipped)
        next_field(line);
    good = parse(next_field(line), socket.inode, 10) && good;
    if (!good) return std::nullopt;
    return socket;
}

bool is_loopback_in_tcp_table(std::string_view address) {
    constexpr std::string_view mapped = "0000000000000000FFFF0000";
    constexpr std::string_view loopback6 = "00000000000000000000000001000000";
    if (address == loopback6) return true;
    if (address.starts_with(mapped)) address.remove_prefix(mapped.size());
    return address.size() == 8 && address.ends_with("7F");
}

}  // namespace common
