// Forwarded made of the X-Forwarded family. Lines: for, host, proto, forwarded.
#include <algorithm>
#include <string>

#include "common/core/forwarded.hpp"
#include "tests/fuzz/fuzz.hpp"

FUZZ_TARGET(data, size) {
    fuzz::Input input(data, size);
    common::ForwardingFields fields;
    fields.x_forwarded_for = input.line();
    fields.x_forwarded_host = input.line();
    fields.x_forwarded_proto = input.line();
    fields.forwarded = input.line();
    const auto value = common::forwarded_value(fields);
    const bool told = !fields.x_forwarded_for.empty() || !fields.x_forwarded_host.empty() ||
                      !fields.x_forwarded_proto.empty();
    HOLDS(value.has_value() == (fields.forwarded.empty() && told));
    if (!value) return 0;
    HOLDS(!value->empty());
    // Ten bytes for a node at most: `, for="[` and `]"`.
    const auto& nodes = fields.x_forwarded_for;
    const auto commas = static_cast<std::size_t>(std::count(nodes.begin(), nodes.end(), ','));
    HOLDS(value->size() <= size + 16 + 10 * (commas + 1));
    return 0;
}
