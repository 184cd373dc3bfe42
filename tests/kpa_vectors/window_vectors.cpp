// Kind `window`: averages only.
#include <chrono>

#include "autoscaler/window.hpp"
#include "tests/kpa_vectors/spec_fields.hpp"
#include "tests/kpa_vectors/vectors.hpp"

namespace kpa_vectors {

using autoscaler::Aggregation;
using autoscaler::Window;
using common::Duration;
using common::Instant;

Aggregation read_aggregation(const Fields& vector) {
    const std::string name = vector.text("aggregation", "linear");
    if (name == "linear" || name.empty()) return Aggregation::linear;
    if (name == "weighted-exponential" || name == "weightedExponential") {
        return Aggregation::weighted_exponential;
    }
    throw FieldError("aggregation " + name + " is unknown");
}

Duration read_window_length(const Fields& object, const char* name) {
    const Duration length = object.seconds(name);
    if (length <= Duration::zero() || length > std::chrono::hours(24)) {
        throw FieldError(std::string(name) + " is not between 0 and a day");
    }
    return length;
}

std::string check_window(const Fields& vector, Instant base) {
    Window window(read_window_length(vector, "windowSeconds"), read_aggregation(vector));
    for (const Fields& op : vector.objects("ops")) {
        if (op.has("record")) {
            const Fields record = op.object("record");
            window.record(base + record.seconds("atSeconds"), record.number("value"));
        } else if (op.has("query")) {
            const Fields query = op.object("query");
            const Instant now = base + query.seconds("atSeconds");
            const std::string found = first_of(
                {average_difference("average", query.number("average"), window.average(now)),
                 difference("isEmpty", query.boolean("isEmpty"), window.empty(now))});
            if (!found.empty()) return "at " + shown(query.number("atSeconds")) + " s " + found;
        } else {
            throw FieldError("an op is neither record nor query");
        }
    }
    return "";
}

}  // namespace kpa_vectors
