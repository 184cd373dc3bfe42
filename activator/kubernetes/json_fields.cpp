#include "activator/kubernetes/json_fields.hpp"

#include <nlohmann/json.hpp>

namespace activator::kubernetes {

using nlohmann::json;

const json* at(const json& object, JsonPath path) {
    const json* here = &object;
    for (const char* const name : path) {
        if (!here->is_object()) return nullptr;
        const auto it = here->find(name);
        if (it == here->end() || it->is_null()) return nullptr;
        here = &*it;
    }
    return here;
}

std::string text(const json& object, JsonPath path) {
    const json* found = at(object, path);
    return found != nullptr && found->is_string() ? found->get<std::string>() : std::string();
}

std::int64_t integer(const json& object, JsonPath path, std::int64_t fallback) {
    const json* found = at(object, path);
    return found != nullptr && found->is_number_integer() ? found->get<std::int64_t>() : fallback;
}

const json& list(const json& object, JsonPath path) {
    static const json none = json::array();
    const json* found = at(object, path);
    return found != nullptr && found->is_array() ? *found : none;
}

}  // namespace activator::kubernetes
