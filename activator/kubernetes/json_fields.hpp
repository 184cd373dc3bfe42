// Fields of JSON objects by their path. Whatever is missing, null or of another type than it should
// be counts as not there.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace activator::kubernetes {

using JsonPath = std::initializer_list<const char*>;

// The member at `path`; null if there is none on the way.
const nlohmann::json* at(const nlohmann::json& object, JsonPath path);
std::string text(const nlohmann::json& object, JsonPath path);
std::int64_t integer(const nlohmann::json& object, JsonPath path, std::int64_t fallback);
// The array at `path`; an empty one.
const nlohmann::json& list(const nlohmann::json& object, JsonPath path);

}  // namespace activator::kubernetes
