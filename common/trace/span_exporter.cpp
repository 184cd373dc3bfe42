#include "common/trace/span_exporter.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "common/crypto/hmac.hpp"
#include "common/http/request_log_entry.hpp"
#include "common/log/log.hpp"

namespace common {

SpanExporter::SpanExporter(TimeSource& time, TaskGroup& tasks, TraceSettings settings)
    : time_(time),
      tasks_(tasks),
      to_(settings.to),
      resource_(std::move(settings.resource)),
      client_(time, std::move(settings.collector)),
      queue_(settings.queue, random_word()),
      timer_(time.make_timer()) {}

void SpanExporter::add(const Span& span) {
    if (closed_) return;
    queue_.add(is_json() ? encode_span_json(span) : encode_span_protobuf(span), time_.now());
    arm();
}

bool SpanExporter::is_json() const {
    return to_ == TraceSettings::To::standard_output ||
           client_.collector().protocol == OtlpProtocol::http_json;
}

void SpanExporter::arm() {
    const Instant next = closed_ || sending_ ? Instant::max() : queue_.next_export();
    if (next == armed_for_) return;
    armed_for_ = next;
    if (next == Instant::max()) {
        timer_->disarm();
        return;
    }
    timer_->arm(next, [this] {
        armed_for_ = Instant::max();
        sending_ = tasks_.spawn("export spans", export_batch());
    });
}

awaitable<void> SpanExporter::export_batch() {
    do {
        co_await send_batch();
    } while (closed_ && queue_.size() > 0 && !away_ && time_.now() < close_by_);
    if (closed_) queue_.give_up();
    sending_ = false;
    arm();
}

void SpanExporter::close(Duration at_most) {
    if (std::exchange(closed_, true)) return;
    timer_->disarm();
    armed_for_ = Instant::max();
    close_by_ = time_.now() + at_most;
    if (sending_) return;
    if (queue_.size() > 0 && !away_ && at_most > Duration::zero())
        sending_ = tasks_.spawn("flush spans", export_batch());
    if (!sending_) queue_.give_up();
}

awaitable<void> SpanExporter::send_batch() {
    if (to_ == TraceSettings::To::standard_output) {
        print_batch();
        co_return;
    }
    const std::vector<std::string>& spans = queue_.take();
    std::string message =
        is_json() ? encode_spans_json(resource_, spans) : encode_spans_protobuf(resource_, spans);
    Duration timeout = client_.collector().timeout;
    if (closed_) timeout = std::min(timeout, close_by_ - time_.now());
    const OtlpAnswer answer = co_await client_.send(std::move(message), timeout);
    const Instant now = time_.now();
    away_ = answer.outcome != OtlpAnswer::Outcome::sent;
    if (!away_) {
        queue_.sent(now);
    } else {
        queue_.failed(answer.outcome == OtlpAnswer::Outcome::failed, answer.after, now);
    }
    told(answer);
}

// A line for each, so that none is cut; as stock's exporter of that name, among the request log's.
void SpanExporter::print_batch() {
    for (const std::string& span : queue_.take())
        write_request_log(encode_spans_json(resource_, {span}) + "\n");
    queue_.sent(time_.now());
}

void SpanExporter::told(const OtlpAnswer& answer) {
    const std::uint64_t dropped = queue_.dropped_full() + queue_.dropped_failed();
    if (answer.reason.empty()) {
        if (outage_.ended())
            log_info("trace_export_recovered", "the collector takes spans again",
                     {{"dropped", dropped}});
        return;
    }
    if (!outage_.failed(time_.now())) return;
    const HostPort& host = client_.collector().url.host;
    log_warning("trace_export_failed", "spans cannot be exported; requests go on",
                {{"reason", answer.reason},
                 {"host", host.host},
                 {"port", host.port},
                 {"waiting", queue_.size()},
                 {"dropped", dropped}});
}

}  // namespace common
