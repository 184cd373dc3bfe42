#include "common/protocol/headers.hpp"

#include "common/http/fields.hpp"

namespace common::headers {

bool is_private_header(std::string_view name) {
    const auto begins_with = [name](std::string_view prefix) {
        return name.size() > prefix.size() &&
               equal_ignoring_case(name.substr(0, prefix.size()), prefix);
    };
    return begins_with("Sluice-") || begins_with("K-");
}

}  // namespace common::headers
