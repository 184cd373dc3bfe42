// "Did you mean ...?": the known name that is nearest to a misspelt one.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace common {

// The Levenshtein distance: the fewest single-byte insertions, deletions and replacements that
// turn `a` into `b`. O(|a| * |b|) time, O(|b|) memory.
std::size_t edit_distance(std::string_view a, std::string_view b);

// The candidate with the smallest distance to `name` (the first of equals), if that is small
// enough to be a slip: at most a third of the name's length, and at least 1. Case, '-' and '_'
// count only between candidates that are equal otherwise, so "max-Scale" finds "maxScale".
std::optional<std::string> nearest_name(std::string_view name,
                                        std::span<const std::string> candidates);

}  // namespace common
