#include "proxy/request_spans.hpp"

#include <string>
#include <utility>

#include "common/core/route_tag.hpp"
#include "common/trace/http_span.hpp"
#include "proxy/access_log.hpp"

namespace proxy {
namespace {

using common::Span;
using common::SpanKind;

Span child_of(const common::RequestTrace& trace, std::uint64_t parent, std::string name) {
    Span span;
    span.context = trace.own();
    span.context.span = trace.new_span();
    span.parent = parent;
    span.name = std::move(name);
    span.state = trace.trace_state();
    return span;
}

}  // namespace

void record_spans(common::Tracer& tracer, const common::Exchange& client,
                  const RequestRecord& record, const Config& config) {
    const common::RequestTrace& trace = *record.trace;
    const common::RequestHead& head = client.request();
    const std::string peer = client.peer();
    Span server = common::server_span(trace, head, record.secure, peer);
    if (record.status != 0)
        server.attributes.emplace_back("http.response.status_code", record.status);
    server.attributes.emplace_back("sluice.ended_by", ended_by(record));
    if (record.what.control) server.attributes.emplace_back("sluice.control", true);
    const std::string route_tag(common::route_tag(
        head.fields.get("Knative-Serving-Tag"), head.fields.get("Knative-Serving-Default-Route")));
    server.attributes.emplace_back("kn.route.tag", route_tag);
    server.failed = has_failed(record);
    const bool failed = server.failed;
    tracer.add(std::move(server), {trace.began(), record.ended});

    Span proxied = child_of(trace, trace.own().span, "kn.queueproxy.proxy");
    const std::uint64_t proxied_id = proxied.context.span;
    tracer.add(std::move(proxied), {record.arrived, record.ended});
    const Instant entered = record.executed ? record.executing : record.ended;
    const bool waits = record.what.kind == RequestKind::ordinary && !record.what.control;
    if (waits && config.limits.concurrency > 0)
        tracer.add(child_of(trace, proxied_id, "kn.queueproxy.wait"), {record.arrived, entered});
    if (trace.sent().empty()) return;
    Span sent = child_of(trace, proxied_id,
                         "HTTP " + std::string(common::method_name(head.method, "_OTHER")));
    sent.context.span = trace.sent().front().span;
    sent.kind = SpanKind::client;
    sent.attributes = {{"server.address", "127.0.0.1"}, {"server.port", config.user_port}};
    if (record.status != 0 && !record.app_failed && !record.timed_out)
        sent.attributes.emplace_back("http.response.status_code", record.status);
    sent.failed = failed || record.client_gone;
    tracer.add(std::move(sent), {entered, record.ended});
}

}  // namespace proxy
