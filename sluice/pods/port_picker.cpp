#include "sluice/pods/port_picker.hpp"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <fstream>
#include <utility>

#include "common/core/check.hpp"
#include "common/net/unique_fd.hpp"

namespace sluice {
namespace {

// Below Linux's default ephemeral range (32768–60999) and above the numbers that people choose.
constexpr std::uint16_t preferred_first = 20000;
constexpr std::uint16_t preferred_last = 32767;
// With less room than this below the ephemeral range, the ports above it are taken.
constexpr int least_room = 512;

std::pair<std::uint16_t, std::uint16_t> default_range() {
    std::ifstream file("/proc/sys/net/ipv4/ip_local_port_range");
    int low = 32768;
    int high = 60999;
    file >> low >> high;
    if (low - preferred_first >= least_room) {
        const int last = low - 1 < preferred_last ? low - 1 : preferred_last;
        return {preferred_first, static_cast<std::uint16_t>(last)};
    }
    if (65535 - high >= least_room) return {static_cast<std::uint16_t>(high + 1), 65535};
    return {preferred_first, preferred_last};
}

// An address family that this machine does not have hinders nobody.
bool can_bind(int family, const sockaddr* address, socklen_t size) {
    const common::UniqueFd socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket) return true;
    const int on = 1;
    if (family == AF_INET6) ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    return ::bind(socket.get(), address, size) == 0 || errno == EADDRNOTAVAIL;
}

bool can_bind_v4(in_addr_t address, std::uint16_t port) {
    sockaddr_in full{};
    full.sin_family = AF_INET;
    full.sin_port = htons(port);
    full.sin_addr.s_addr = htonl(address);
    return can_bind(AF_INET, reinterpret_cast<const sockaddr*>(&full), sizeof full);
}

bool can_bind_v6_any(std::uint16_t port) {
    sockaddr_in6 full{};
    full.sin6_family = AF_INET6;
    full.sin6_port = htons(port);
    full.sin6_addr = in6addr_any;
    return can_bind(AF_INET6, reinterpret_cast<const sockaddr*>(&full), sizeof full);
}

}  // namespace

bool port_is_free(std::uint16_t port) {
    return can_bind_v4(INADDR_LOOPBACK, port) && can_bind_v4(INADDR_ANY, port) &&
           can_bind_v6_any(port);
}

PortPicker::PortPicker(std::uint32_t seed)
    : PortPicker(default_range().first, default_range().second, seed) {}

PortPicker::PortPicker(std::uint16_t first, std::uint16_t last, std::uint32_t seed)
    : first_(first), last_(last), next_(seed) {
    CHECK(first_ > 0 && first_ <= last_);
}

std::uint16_t PortPicker::take() {
    const std::uint32_t count = static_cast<std::uint32_t>(last_ - first_) + 1;
    for (std::uint32_t tried = 0; tried < count; ++tried) {
        const auto port = static_cast<std::uint16_t>(first_ + next_ % count);
        next_ = next_ % count + 1;
        if (held_.contains(port) || !port_is_free(port)) continue;
        held_.insert(port);
        return port;
    }
    return 0;
}

}  // namespace sluice
