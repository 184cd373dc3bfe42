#include "activator/access_log.hpp"

#include <string>

#include "common/trace/access_line.hpp"

namespace activator {
std::string_view text_of(RequestRecord::EndedBy ended_by) {
    switch (ended_by) {
        case RequestRecord::EndedBy::pod:
            return "pod";
        case RequestRecord::EndedBy::client:
            return "client";
        case RequestRecord::EndedBy::queue:
            return "queue";
        case RequestRecord::EndedBy::timeout:
            return "timeout";
        case RequestRecord::EndedBy::activator:
            return "activator";
    }
    return "";
}

void log_request(const common::Exchange& client, const RequestRecord& record,
                 const Revision* revision) {
    common::AccessLine line(client, record.trace, record.status);
    std::string of_revision;
    if (record.id.value != 0) line.add("request", record.id.value);
    line.add_ids();
    if (revision != nullptr) {
        of_revision = revision->name_space + "/" + revision->name;
        line.add("revision", of_revision);
    } else {
        line.add("host", client.request().fields.get("Host"));
    }
    if (!record.pod.empty()) line.add("pod", record.pod);
    line.add("wait_s", record.wait);
    line.add("cold_s", record.cold);
    line.add("run_s", record.run);
    line.add("bytes", record.response_bytes);
    line.add("dispatches", record.dispatches);
    line.add("ended_by", text_of(record.ended_by));
    if (record.broken) line.add("broken", true);
    line.write(has_failed(record));
}

}  // namespace activator
