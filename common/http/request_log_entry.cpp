#include "common/http/request_log_entry.hpp"

#include <unistd.h>

#include "common/log/log.hpp"

namespace common {
namespace {

std::int64_t content_length(const RequestHead& head) {
    if (head.body.kind == BodyKind::chunked) return -1;
    return static_cast<std::int64_t>(head.body.length);
}

}  // namespace

RequestLogEntry request_log_entry(const RequestHead& head, std::string_view peer) {
    RequestLogEntry entry;
    entry.method = head.method;
    entry.request_uri = head.target;
    entry.content_length = content_length(head);
    entry.user_agent = head.fields.get("User-Agent");
    entry.remote_address = peer;
    entry.referer = head.fields.get("Referer");
    entry.protocol = head.version >= 20 ? "HTTP/2.0" : head.version >= 11 ? "HTTP/1.1" : "HTTP/1.0";
    entry.host = head.fields.get("Host");
    entry.header = [&head](std::string_view name) { return head.fields.get(name); };
    return entry;
}

void write_request_log(const std::string& line) {
    write_without_waiting(STDOUT_FILENO, line);
}

}  // namespace common
