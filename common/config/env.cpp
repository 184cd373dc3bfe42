#include "common/config/env.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>

namespace common {
namespace {

std::string quoted(std::string_view value) {
    return "'" + std::string(value) + "'";
}

std::string joined(const std::vector<std::string>& words) {
    std::string out;
    for (const auto& word : words) {
        if (!out.empty()) out += ", ";
        out += word;
    }
    return out;
}

std::string range_text(std::int64_t min, std::int64_t max) {
    if (max == std::numeric_limits<std::int64_t>::max()) {
        if (min == std::numeric_limits<std::int64_t>::min()) return "an integer";
        return "an integer of at least " + std::to_string(min);
    }
    return "an integer from " + std::to_string(min) + " to " + std::to_string(max);
}

}  // namespace

std::optional<std::string_view> ProcessEnv::get(std::string_view name) const {
    const char* value = std::getenv(std::string(name).c_str());
    if (value == nullptr) return std::nullopt;
    return value;
}

std::optional<std::string_view> MapEnv::get(std::string_view name) const {
    const auto found = values_.find(name);
    if (found == values_.end()) return std::nullopt;
    return found->second;
}

void EnvReader::report(std::string_view name, std::string_view reason) {
    problems_.push_back(std::string(name) + ": " + std::string(reason));
}

std::optional<std::string_view> EnvReader::required(std::string_view name) {
    const auto value = env_.get(name);
    if (!value) problems_.push_back("required key " + std::string(name) + " missing value");
    return value;
}

std::string EnvReader::text(std::string_view name, std::string_view fallback) {
    return std::string(env_.get(name).value_or(fallback));
}

std::string EnvReader::required_text(std::string_view name) {
    return std::string(required(name).value_or(""));
}

std::int64_t EnvReader::integer_of(std::string_view name, std::string_view value, std::int64_t min,
                                   std::int64_t max) {
    const auto number = parse_go_int(value);
    if (number && *number >= min && *number <= max) return *number;
    report(name, quoted(value) + " is not " + range_text(min, max));
    return 0;
}

std::int64_t EnvReader::integer(std::string_view name, std::int64_t fallback, std::int64_t min,
                                std::int64_t max) {
    const auto value = env_.get(name);
    return value ? integer_of(name, *value, min, max) : fallback;
}

std::int64_t EnvReader::required_integer(std::string_view name, std::int64_t min,
                                         std::int64_t max) {
    const auto value = required(name);
    return value ? integer_of(name, *value, min, max) : 0;
}

bool EnvReader::boolean(std::string_view name, bool fallback) {
    const auto value = env_.get(name);
    if (!value) return fallback;
    const auto parsed = parse_go_bool(*value);
    if (!parsed) report(name, quoted(*value) + " is not a boolean (true or false)");
    return parsed.value_or(fallback);
}

Duration EnvReader::duration(std::string_view name, Duration fallback) {
    const auto value = env_.get(name);
    if (!value) return fallback;
    const auto parsed = parse_go_duration(*value);
    if (parsed && *parsed >= Duration::zero()) return *parsed;
    report(name, quoted(*value) + " is not a duration of at least 0s (for example 90s or 1m30s)");
    return fallback;
}

std::uint64_t EnvReader::bytes(std::string_view name, std::uint64_t fallback) {
    const auto value = env_.get(name);
    if (!value) return fallback;
    const auto parsed = parse_byte_size(*value);
    if (!parsed) report(name, quoted(*value) + " is not a size (for example 64Mi or 1000)");
    return parsed.value_or(fallback);
}

std::optional<HostPort> EnvReader::host_port(std::string_view name) {
    const auto value = env_.get(name);
    if (!value) return std::nullopt;
    auto parsed = parse_host_port(*value);
    if (!parsed) report(name, quoted(*value) + " is not an address with a port (host:port)");
    return parsed;
}

std::string EnvReader::choice(std::string_view name, std::string_view fallback,
                              const std::vector<std::string>& choices) {
    const auto value = env_.get(name);
    if (!value) return std::string(fallback);
    if (std::find(choices.begin(), choices.end(), *value) != choices.end())
        return std::string(*value);
    report(name, quoted(*value) + " is not one of " + joined(choices));
    return std::string(fallback);
}

}  // namespace common
