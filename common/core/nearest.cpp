#include "common/core/nearest.hpp"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

namespace common {
namespace {

// Longer names are not typing slips, and the table below would get large.
constexpr std::size_t name_length_max = 256;

std::string folded(std::string_view name) {
    std::string out;
    for (const char c : name) {
        if (c == '-' || c == '_') continue;
        out += c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    }
    return out;
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
        }
    }
    return row[b.size()];
}

std::optional<std::string> nearest_name(std::string_view name,
                                        std::span<const std::string> candidates) {
    if (name.size() > name_length_max) return std::nullopt;
    const auto wanted = folded(name);
    // Distance without and, between equals, with case and hyphens: of max-scale and maxScale the
    // one that is spelt like `name`.
    std::pair best_distance{std::max<std::size_t>(1, wanted.size() / 3) + 1, std::size_t{0}};
    std::optional<std::string> best;
    for (const auto& candidate : candidates) {
        const std::pair distance{edit_distance(wanted, folded(candidate)),
                                 edit_distance(name, candidate)};
        if (distance >= best_distance) continue;
        best_distance = distance;
        best = candidate;
    }
    return best;
}

}  // namespace common
