#include "activator/kubernetes/request_log.hpp"

#include "common/http/request_log_entry.hpp"
#include "common/log/log.hpp"

namespace activator::kubernetes {

void RequestLog::configure(bool enabled, const std::string& text) {
    if (!enabled) {
        template_.reset();
        return;
    }
    if (template_ && text == text_) return;
    std::string error;
    template_ = common::RequestLogTemplate::parse(text, error);
    text_ = text;
    if (!template_)
        common::log_error("request_log",
                          "the request log template is wrong, so there is no request log",
                          {{"error", error}});
}

void RequestLog::add(const common::Exchange& client, const RequestRecord& record,
                     const Router& router) const {
    if (!template_) return;
    const std::shared_ptr<const Revision> revision = router.revision(record.revision);
    if (!revision) return;
    const std::string peer = client.peer();
    common::RequestLogEntry entry = common::request_log_entry(client.request(), peer);
    entry.code = record.status == 0 ? 500 : record.status;
    entry.size = static_cast<std::int64_t>(record.response_bytes);
    entry.latency_seconds = common::to_seconds(record.wait + record.run);
    entry.revision_name = revision->name;
    entry.revision_namespace = revision->name_space;
    entry.revision_service = revision->service;
    entry.revision_configuration = revision->configuration;
    common::write_request_log(template_->render(entry));
}

}  // namespace activator::kubernetes
