#include "common/trace/access_line.hpp"

#include "common/core/path_pattern.hpp"
#include "common/core/trace_id.hpp"

namespace common {
namespace {

// Longer ones are no ids, and whoever sends them could fill the log.
constexpr std::size_t id_bytes_max = 128;
constexpr std::size_t fields_usual = 20;

}  // namespace

// The id of a trace that began here, or that the client said.
AccessLine::AccessLine(const Exchange& client, const RequestTrace* trace, int status)
    : client_(client),
      trace_id_(trace != nullptr
                    ? to_hex(trace->own().trace)
                    : std::string(trace_id(client.request().fields.get("traceparent"), {}))) {
    fields_.reserve(fields_usual);
    add("status", status);
}

// More digits would be the clock's noise.
void AccessLine::add(std::string_view key, Duration duration) {
    add(key,
        static_cast<double>(std::chrono::round<std::chrono::microseconds>(duration).count()) / 1e6);
}

void AccessLine::add_ids() {
    const std::string_view request = client_.request().fields.get("X-Request-Id");
    if (!request.empty()) add("request_id", request.substr(0, id_bytes_max));
    if (!trace_id_.empty()) add("trace_id", std::string_view(trace_id_).substr(0, id_bytes_max));
}

void AccessLine::write(bool failed) {
    const RequestHead& head = client_.request();
    std::string message = head.method + " ";
    message += path_of_target(head.target);
    const std::string peer = client_.peer();
    add("client", peer);
    const LogLevel level = failed ? LogLevel::warning : LogLevel::info;
    log_always(level, "request", message, fields_);
}

}  // namespace common
