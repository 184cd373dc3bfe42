// Kinds resolveTarget, assignSlice, numActivators, sampleSize and wire.
#include <algorithm>

#include "activator/core/pod_slices.hpp"
#include "autoscaler/sizing.hpp"
#include "autoscaler/target.hpp"
#include "common/protocol/stat_message.hpp"
#include "tests/kpa_vectors/vectors.hpp"

namespace kpa_vectors {

namespace {

std::uint32_t read_unsigned(const Fields& vector, const char* name, std::int32_t otherwise) {
    const std::int32_t value = vector.count(name, otherwise);
    if (value < 0) throw FieldError(std::string(name) + " is negative");
    return static_cast<std::uint32_t>(value);
}

std::string joined(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names)
        text += (text.empty() ? "" : " ") + name;
    return "[" + text + "]";
}

std::string hex_of(const std::string& bytes) {
    constexpr char digits[] = "0123456789abcdef";
    std::string hex;
    for (const char byte : bytes) {
        const auto value = static_cast<unsigned char>(byte);
        hex += digits[value >> 4];
        hex += digits[value & 15];
    }
    return hex;
}

common::WireStatMessage read_message(const Fields& fields) {
    common::WireStatMessage message;
    message.name_space = fields.text("namespace", "");
    message.name = fields.text("name", "");
    common::Stat stat;
    stat.pod_name = fields.text("podName", "");
    stat.average_concurrent_requests = fields.number("averageConcurrentRequests", 0);
    stat.average_proxied_concurrent_requests = fields.number("averageProxiedConcurrentRequests", 0);
    stat.request_count = fields.number("requestCount", 0);
    stat.proxied_request_count = fields.number("proxiedRequestCount", 0);
    stat.process_uptime = fields.number("processUptime", 0);
    stat.timestamp = fields.integer("timestamp", 0);
    message.stat = stat;
    return message;
}

}  // namespace

std::string check_resolve_target(const Fields& vector) {
    autoscaler::TargetInputs inputs;
    const std::string metric = vector.text("metric", "concurrency");
    if (metric != "concurrency" && metric != "rps") throw FieldError("metric " + metric);
    if (metric == "rps") inputs.metric = autoscaler::Metric::rps;
    inputs.container_concurrency = read_unsigned(vector, "containerConcurrency", 0);
    inputs.target = vector.optional_number("targetAnnotation");
    inputs.target_utilization_percentage =
        vector.optional_number("targetUtilizationPercentageAnnotation");
    if (vector.has("config")) {
        const Fields config = vector.object("config");
        inputs.concurrency_default =
            config.number("containerConcurrencyTargetDefault", inputs.concurrency_default);
        inputs.concurrency_fraction =
            config.number("containerConcurrencyTargetFraction", inputs.concurrency_fraction);
        inputs.rps_default = config.number("requestsPerSecondTargetDefault", inputs.rps_default);
    }
    const autoscaler::Target got = autoscaler::resolve_target(inputs);
    return first_of({difference("targetValue", vector.number("targetValue"), got.target),
                     difference("totalValue", vector.number("totalValue"), got.total)});
}

std::string check_assign_slice(const Fields& vector) {
    const std::vector<std::string> pods = vector.texts("podsSorted");
    const std::int32_t index = vector.count("selfIndex");
    activator::ActivatorPlace place;
    place.activators = read_unsigned(vector, "numActivators", 0);
    if (index >= 0) place.index = static_cast<std::size_t>(index);
    const std::uint32_t concurrency = read_unsigned(vector, "containerConcurrency", 0);
    std::vector<std::string> assigned;
    for (const std::size_t pod : activator::assign_slice(pods.size(), place, concurrency)) {
        assigned.push_back(pods.at(pod));
    }
    return first_of({difference("assigned", joined(vector.texts("assigned")), joined(assigned)),
                     difference("capacity", read_unsigned(vector, "capacity", -1),
                                activator::slice_capacity(assigned.size(), concurrency))});
}

std::string check_activator_count(const Fields& vector) {
    const double capacity = vector.number("activatorCapacity");
    if (!(capacity > 0)) throw FieldError("activatorCapacity is not more than 0");
    const std::int32_t got =
        autoscaler::activator_count(vector.count("readyPods"), vector.number("totalValue"),
                                    vector.number("targetBurstCapacity"), capacity);
    return difference("numActivators", vector.count("numActivators"), got);
}

std::string check_sample_size(const Fields& vector) {
    return difference("sampleSize", vector.count("sampleSize"),
                      autoscaler::scrape_sample_size(vector.count("population")));
}

std::string check_wire(const Fields& vector) {
    std::vector<common::WireStatMessage> messages;
    for (const Fields& message : vector.objects("messages")) {
        messages.push_back(read_message(message));
    }
    const std::string bytes = common::encode_stat_messages(messages);
    const std::string found = difference("hex", vector.text("hex"), hex_of(bytes));
    if (!found.empty()) return found;
    return common::decode_stat_messages(bytes) == messages ? ""
                                                           : "the bytes do not decode to the input";
}

}  // namespace kpa_vectors
