#include "proxy/access_log.hpp"

#include "common/trace/access_line.hpp"

namespace proxy {
namespace {

bool is_probe(const RequestRecord& record) {
    return record.what.quiet || record.what.answered_here();
}

}  // namespace

std::string_view ended_by(const RequestRecord& record) {
    if (record.client_gone) return "client";
    if (record.timed_out) return "timeout";
    if (record.executed) return "pod";
    return record.status == 503 ? "queue" : "queue-proxy";
}

bool has_failed(const RequestRecord& record) {
    return !is_probe(record) && (record.status >= 500 || record.aborted);
}

void log_request(const common::Exchange& client, const RequestRecord& record) {
    if (is_probe(record)) return;
    const Instant began = record.executed ? record.executing : record.ended;
    common::AccessLine line(client, record.trace, record.status);
    line.add_ids();
    line.add("wait_s", began - record.arrived);
    line.add("run_s", record.ended - began);
    line.add("bytes", record.response_bytes);
    line.add("ended_by", ended_by(record));
    if (record.aborted) line.add("broken", true);
    line.write(has_failed(record));
}

}  // namespace proxy
