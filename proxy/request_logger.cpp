#include "proxy/request_logger.hpp"

#include <string>

#include "common/core/trace_id.hpp"
#include "common/http/request_log_entry.hpp"
#include "common/log/log.hpp"

namespace proxy {
namespace {

// Contract 8.1 and 3.6.4: an abort is a 500 without bytes, and so is one who left the line.
int logged_code(const RequestRecord& record) {
    if (record.aborted) return 500;
    if (record.status == 0) return record.executed ? 200 : 500;
    return record.upgraded ? 200 : record.status;
}

}  // namespace

RequestLogger::RequestLogger(const Config& config) : config_(config) {
    const common::ObservabilityConfig& wanted = config.observability;
    if (!wanted.request_log || wanted.request_log_template.empty()) return;
    std::string error;
    template_ = common::RequestLogTemplate::parse(wanted.request_log_template, error);
    if (!template_) {
        common::log_error("request_log",
                          "the request log template is wrong, so there is no "
                          "request log",
                          {{"error", error}});
    }
}

void RequestLogger::add(const common::Exchange& client, const RequestRecord& record) const {
    if (!template_) return;
    const bool is_probe = record.what.quiet || record.what.answered_here();
    if (is_probe && !config_.observability.probe_request_log) return;
    const common::RequestHead& head = client.request();
    const std::string peer = client.peer();
    common::RequestLogEntry entry = common::request_log_entry(head, peer);
    entry.code = logged_code(record);
    const bool broken = record.aborted || record.client_gone;
    entry.size = broken ? 0 : static_cast<std::int64_t>(record.response_bytes);
    entry.latency_seconds = common::to_seconds(record.ended - record.arrived);
    const Identity& identity = config_.identity;
    entry.revision_name = identity.revision;
    entry.revision_namespace = identity.namespace_name;
    entry.revision_service = identity.service;
    entry.revision_configuration = identity.configuration;
    entry.pod_name = identity.pod;
    entry.pod_ip = identity.pod_ip;
    entry.trace_id =
        common::trace_id(head.fields.get("Traceparent"), head.fields.get("X-B3-Traceid"));
    common::write_request_log(template_->render(entry));
}

}  // namespace proxy
