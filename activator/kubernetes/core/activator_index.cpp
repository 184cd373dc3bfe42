#include "activator/kubernetes/core/activator_index.hpp"

#include <algorithm>
#include <string_view>

namespace activator::kubernetes {
namespace {

// Without port and brackets.
std::string_view ip_of(std::string_view address) {
    std::string_view ip = address.substr(0, address.rfind(':'));
    if (ip.starts_with('[') && ip.ends_with(']')) ip = ip.substr(1, ip.size() - 2);
    return ip;
}

}  // namespace

ActivatorPlace place_among(std::vector<std::string> addresses, const std::string& own_ip,
                           const ActivatorPlace& before) {
    std::sort(addresses.begin(), addresses.end());
    addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
    const auto own = std::find_if(addresses.begin(), addresses.end(),
                                  [&](const std::string& one) { return ip_of(one) == own_ip; });
    if (own == addresses.end()) return before;
    return {addresses.size(), static_cast<std::size_t>(own - addresses.begin())};
}

}  // namespace activator::kubernetes
