// One function per kind of vector. Each evaluates the vector with the product's own code and
// returns the first difference as "what: expected X, got Y", or an empty text if there is none.
// Fields that are wrong throw FieldError.
#pragma once

#include <cmath>
#include <cstdio>
#include <string>
#include <string_view>

#include "common/core/time.hpp"
#include "tests/kpa_vectors/fields.hpp"

namespace kpa_vectors {

// Returns the difference, or "". `base` is the instant that atSeconds 0 stands for.
std::string check_scale(const Fields& vector, common::Instant base);
std::string check_timeline(const Fields& vector, common::Instant base);
std::string check_window(const Fields& vector, common::Instant base);
std::string check_apply_scale(const Fields& vector);
std::string check_resolve_target(const Fields& vector);
std::string check_assign_slice(const Fields& vector);
std::string check_activator_count(const Fields& vector);
std::string check_sample_size(const Fields& vector);
std::string check_wire(const Fields& vector);

inline std::string shown(std::string_view value) {
    return std::string(value);
}
inline std::string shown(const char* value) {
    return value;
}
inline std::string shown(bool value) {
    return value ? "true" : "false";
}
inline std::string shown(std::int32_t value) {
    return std::to_string(value);
}
inline std::string shown(std::uint32_t value) {
    return std::to_string(value);
}
inline std::string shown(double value) {
    char buffer[40];
    std::snprintf(buffer, sizeof buffer, "%.17g", value);
    return buffer;
}

template <class Value>
std::string difference(std::string_view what, const Value& expected, const Value& got) {
    if (expected == got) return "";
    return std::string(what) + ": expected " + shown(expected) + ", got " + shown(got);
}

// Averages agree within 1e-9, as the files' own `tolerance` says.
inline std::string average_difference(std::string_view what, double expected, double got) {
    constexpr double tolerance = 1e-9;
    if (std::abs(expected - got) <= tolerance) return "";
    return std::string(what) + ": expected " + shown(expected) + ", got " + shown(got);
}

// The first of several differences.
inline std::string first_of(std::initializer_list<std::string> differences) {
    for (const std::string& difference : differences) {
        if (!difference.empty()) return difference;
    }
    return "";
}

}  // namespace kpa_vectors
