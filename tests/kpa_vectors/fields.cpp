#include "tests/kpa_vectors/fields.hpp"

#include <cmath>
#include <limits>

#include <nlohmann/json.hpp>

namespace kpa_vectors {

using common::Duration;

Fields::Fields(const Json& json, std::string path) : json_(&json), path_(std::move(path)) {
    if (!json.is_object()) throw FieldError((path_.empty() ? "vector" : path_) + " is no object");
}

void Fields::fail(const char* name, const std::string& what) const {
    throw FieldError((path_.empty() ? "" : path_ + ".") + name + " " + what);
}

bool Fields::has(const char* name) const {
    const auto found = json_->find(name);
    return found != json_->end() && !found->is_null();
}

const Json& Fields::at(const char* name) const {
    if (!has(name)) fail(name, "is missing");
    return *json_->find(name);
}

double Fields::number(const char* name) const {
    const Json& value = at(name);
    if (!value.is_number()) fail(name, "is no number");
    const auto number = value.get<double>();
    if (!std::isfinite(number)) fail(name, "is not finite");
    return number;
}

double Fields::number(const char* name, double otherwise) const {
    return has(name) ? number(name) : otherwise;
}

std::optional<double> Fields::optional_number(const char* name) const {
    return has(name) ? std::optional(number(name)) : std::nullopt;
}

std::int32_t Fields::count(const char* name) const {
    const double value = number(name);
    if (value != std::trunc(value)) fail(name, "is no whole number");
    if (value < std::numeric_limits<std::int32_t>::min() ||
        value > std::numeric_limits<std::int32_t>::max()) {
        fail(name, "is out of range");
    }
    return static_cast<std::int32_t>(value);
}

std::int32_t Fields::count(const char* name, std::int32_t otherwise) const {
    return has(name) ? count(name) : otherwise;
}

std::optional<std::int32_t> Fields::optional_count(const char* name) const {
    return has(name) ? std::optional(count(name)) : std::nullopt;
}

std::int64_t Fields::integer(const char* name, std::int64_t otherwise) const {
    if (!has(name)) return otherwise;
    const Json& value = at(name);
    if (!value.is_number_integer()) fail(name, "is no whole number");
    return value.get<std::int64_t>();
}

bool Fields::boolean(const char* name) const {
    const Json& value = at(name);
    if (!value.is_boolean()) fail(name, "is neither true nor false");
    return value.get<bool>();
}

bool Fields::boolean(const char* name, bool otherwise) const {
    return has(name) ? boolean(name) : otherwise;
}

std::string Fields::text(const char* name) const {
    const Json& value = at(name);
    if (!value.is_string()) fail(name, "is no text");
    return value.get<std::string>();
}

std::string Fields::text(const char* name, const std::string& otherwise) const {
    return has(name) ? text(name) : otherwise;
}

Duration Fields::seconds(const char* name) const {
    constexpr double limit = 1e9;
    const double value = number(name);
    if (std::abs(value) > limit) fail(name, "is out of range");
    return common::from_seconds(value);
}

Duration Fields::seconds(const char* name, Duration otherwise) const {
    return has(name) ? seconds(name) : otherwise;
}

Fields Fields::object(const char* name) const {
    const Json& value = at(name);
    if (!value.is_object()) fail(name, "is no object");
    return Fields(value, (path_.empty() ? "" : path_ + ".") + name);
}

std::vector<Fields> Fields::objects(const char* name) const {
    const Json& list = at(name);
    if (!list.is_array()) fail(name, "is no list");
    std::vector<Fields> objects;
    for (const Json& entry : list) {
        objects.emplace_back(entry, std::string(name) + "[" + std::to_string(objects.size()) + "]");
    }
    return objects;
}

std::vector<std::string> Fields::texts(const char* name) const {
    const Json& list = at(name);
    if (!list.is_array()) fail(name, "is no list");
    std::vector<std::string> texts;
    for (const Json& entry : list) {
        if (!entry.is_string()) fail(name, "holds something that is no text");
        texts.push_back(entry.get<std::string>());
    }
    return texts;
}

std::vector<double> Fields::numbers(const char* name) const {
    const Json& list = at(name);
    if (!list.is_array()) fail(name, "is no list");
    std::vector<double> numbers;
    for (const Json& entry : list) {
        if (!entry.is_number()) fail(name, "holds something that is no number");
        numbers.push_back(entry.get<double>());
    }
    return numbers;
}

}  // namespace kpa_vectors
