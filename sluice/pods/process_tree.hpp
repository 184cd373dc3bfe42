// Who descends from a process, and on which TCP ports they listen: read from /proc.
//
// A snapshot: processes come and go while it is taken. Reads nothing that needs privileges for
// processes of the same user.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

// All living descendants of `ancestor` (zombies included), without itself.
std::vector<pid_t> descendants(pid_t ancestor);

// The TCP ports (IPv4 and IPv6, any address) on which someone in our network namespace listens.
std::set<std::uint16_t> listening_ports();
// The same in the network namespace of process `pid`; nothing when there is no such process (or it
// is out of sight).
std::optional<std::set<std::uint16_t>> listening_ports(const std::string& pid);

// Of `ports`, those on which one of `processes` listens.
std::set<std::uint16_t> listening_ports_of(const std::vector<pid_t>& processes,
                                           const std::set<std::uint16_t>& ports);

}  // namespace sluice
