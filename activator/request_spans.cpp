#include "activator/request_spans.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "activator/access_log.hpp"
#include "common/core/path_pattern.hpp"
#include "common/trace/http_span.hpp"

namespace activator {
namespace {

using common::Span;
using common::SpanKind;

class RequestSpans {
  public:
    RequestSpans(common::Tracer& tracer, const RequestRecord& record)
        : tracer_(tracer), record_(record), trace_(*record.trace) {}

    void server(const common::Exchange& client, const Revision* revision);
    void waits();
    void runs();

  private:
    Span child(std::string name, SpanKind kind, std::uint64_t id) const;
    void wait(Instant began, Instant ended, Duration& cold_left);

    common::Tracer& tracer_;
    const RequestRecord& record_;
    const common::RequestTrace& trace_;
};

void RequestSpans::server(const common::Exchange& client, const Revision* revision) {
    const common::RequestHead& head = client.request();
    const std::string peer = client.peer();
    Span span = common::server_span(trace_, head, client.secure(), peer);
    if (record_.status != 0)
        span.attributes.emplace_back("http.response.status_code", record_.status);
    if (revision != nullptr) {  // contract activator.md 4, step 9
        span.attributes.emplace_back("kn.service.name", revision->service);
        span.attributes.emplace_back("kn.configuration.name", revision->configuration);
        span.attributes.emplace_back("kn.revision.name", revision->name);
        span.attributes.emplace_back("k8s.namespace.name", revision->name_space);
    }
    span.attributes.emplace_back("sluice.ended_by", text_of(record_.ended_by));
    span.attributes.emplace_back("sluice.dispatches", record_.dispatches);
    if (record_.control) span.attributes.emplace_back("sluice.control", true);
    span.failed = has_failed(record_);
    tracer_.add(std::move(span), {trace_.began(), record_.ended});
}

Span RequestSpans::child(std::string name, SpanKind kind, std::uint64_t id) const {
    Span span;
    span.context = trace_.own();
    span.context.span = id;
    span.parent = trace_.own().span;
    span.name = std::move(name);
    span.kind = kind;
    span.state = trace_.trace_state();
    return span;
}

// Of the waits, the time without a ready pod is known as a sum: it is shown where it nearly always
// is, at the beginning of the first.
void RequestSpans::wait(Instant began, Instant ended, Duration& cold_left) {
    if (ended <= began) return;
    tracer_.add(child("wait", SpanKind::internal, trace_.new_span()), {began, ended});
    const Duration cold = std::min<Duration>(cold_left, ended - began);
    cold_left -= cold;
    if (cold > Duration::zero())
        tracer_.add(child("cold start", SpanKind::internal, trace_.new_span()),
                    {began, began + cold});
}

void RequestSpans::waits() {
    if (record_.arrived == Instant{}) return;  // never in the line
    Duration cold_left = record_.cold;
    Instant began = record_.arrived;
    for (const common::RequestTrace::Sent& sent : trace_.sent()) {
        wait(began, sent.began, cold_left);
        began = sent.ended == Instant{} ? record_.ended : sent.ended;
    }
    wait(began, record_.ended, cold_left);
}

void RequestSpans::runs() {
    for (const common::RequestTrace::Sent& sent : trace_.sent()) {
        Span span = child("run", SpanKind::client, sent.span);
        span.attributes.emplace_back("k8s.pod.name", sent.backend);
        const bool last = sent.ended == Instant{};
        const bool answered = last && record_.ended_by == RequestRecord::EndedBy::pod;
        if (answered && record_.status != 0)
            span.attributes.emplace_back("http.response.status_code", record_.status);
        if (!last) span.attributes.emplace_back("sluice.returned", true);
        span.failed = !last || has_failed(record_);
        tracer_.add(std::move(span), {sent.began, last ? record_.ended : sent.ended});
    }
}

}  // namespace

void record_spans(common::Tracer& tracer, const common::Exchange& client,
                  const RequestRecord& record, const Revision* revision) {
    RequestSpans spans(tracer, record);
    spans.server(client, revision);
    spans.waits();
    spans.runs();
}

}  // namespace activator
