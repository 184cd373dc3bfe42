// A moment as traces and access logs write it.
#pragma once

#include <optional>
#include <string_view>

#include "common/core/time.hpp"

namespace sluice::replay {

// Since the Unix epoch: "2024-11-15 16:57:50", with 'T', fractions and a zone ("Z", "+08:00",
// "+0800"; none: UTC) where they are; or a number of seconds ("1731689870.25"). Empty: no such
// thing.
std::optional<common::Duration> parse_moment(std::string_view text);

}  // namespace sluice::replay
