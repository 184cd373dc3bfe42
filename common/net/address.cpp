#include "common/net/address.hpp"

#include <charconv>

#include <boost/asio/ip/address.hpp>

namespace common {

std::optional<Address> parse_address(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    Address address;
    const std::string_view digits = text.substr(colon + 1);
    const char* const end = digits.data() + digits.size();
    const auto parsed = std::from_chars(digits.data(), end, address.port);
    if (digits.empty() || parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;

    std::string_view host = text.substr(0, colon);
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    if (host == "localhost") host = "127.0.0.1";
    address.host = std::string(host);
    if (host.empty()) return address;
    boost::system::error_code ec;
    const auto ip = boost::asio::ip::make_address(address.host, ec);
    if (ec || ip.is_v6() != bracketed) return std::nullopt;
    return address;
}

std::string to_string(const Address& address) {
    if (!address.unix_path.empty()) return "unix:" + address.unix_path;
    const bool v6 = address.host.find(':') != std::string::npos;
    return (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

}  // namespace common
