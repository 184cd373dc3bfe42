#include "common/trace/span_exporter.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "common/config/read_file.hpp"
#include "common/core/parse.hpp"
#include "common/crypto/hmac.hpp"
#include "common/http/request_log_entry.hpp"
#include "common/log/log.hpp"
#include "common/trace/span.hpp"

namespace common {
namespace {

// Of an outage that goes on.
constexpr Duration told_again = std::chrono::minutes(10);
constexpr std::size_t answer_bytes_max = 64 * 1024;
constexpr const char* system_certificates = "/etc/ssl/certs/ca-certificates.crt";

// OTLP: these may go better later; another status from 400 on is a fault of ours.
bool may_pass(int status) {
    return status == 429 || status == 502 || status == 503 || status == 504;
}

std::optional<Duration> retry_after(const ResponseHead& head) {
    const auto seconds = parse_int(head.fields.get("Retry-After"));
    if (!seconds || *seconds < 0 || *seconds > 3600) return std::nullopt;
    return std::chrono::seconds(*seconds);
}

}  // namespace

SpanExporter::SpanExporter(TimeSource& time, TaskGroup& tasks, TraceSettings settings)
    : time_(time),
      tasks_(tasks),
      settings_(std::move(settings)),
      queue_(settings_.queue, random_word()),
      timer_(time.make_timer()) {}

void SpanExporter::add(std::string span) {
    if (closed_) return;
    queue_.add(std::move(span), time_.now());
    arm();
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
    } while (closed_ && queue_.size() > 0 && failing_.empty() && time_.now() < close_by_);
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
    if (queue_.size() > 0 && failing_.empty() && at_most > Duration::zero())
        sending_ = tasks_.spawn("flush spans", export_batch());
    if (!sending_) queue_.give_up();
}

awaitable<void> SpanExporter::send_batch() {
    if (settings_.to == TraceSettings::To::standard_output) {
        print_batch();
        co_return;
    }
    std::string body = encode_spans(settings_.resource, queue_.take());
    const Duration left = close_by_ - time_.now();
    const Duration timeout = closed_ ? std::min(settings_.timeout, left) : settings_.timeout;
    const Post result = co_await post(std::move(body), timeout);
    const Instant now = time_.now();
    if (result.outcome == Outcome::sent) {
        queue_.sent(now);
    } else {
        queue_.failed(result.outcome == Outcome::failed, result.after, now);
    }
    told(result);
}

// A line for each, so that none is cut; as stock's exporter of that name, among the request log's.
void SpanExporter::print_batch() {
    for (const std::string& span : queue_.take())
        write_request_log(encode_spans(settings_.resource, {span}) + "\n");
    queue_.sent(time_.now());
}

awaitable<SpanExporter::Post> SpanExporter::post(std::string body, Duration timeout) {
    Post result;
    ConnectTarget target;
    target.host = settings_.collector.host;
    result.reason = secure(target);
    if (!result.reason.empty()) co_return result;
    FetchRequest request;
    request.head.method = "POST";
    request.head.target = settings_.collector.path;
    request.head.fields.add("Content-Type", "application/json");
    request.head.fields.add("User-Agent", "sluice-otlp-exporter/" SLUICE_VERSION);
    for (const auto& [name, value] : settings_.headers)
        request.head.fields.set(name, value);
    request.body = std::move(body);
    request.timeout = timeout;
    request.body_bytes_max = answer_bytes_max;
    const FetchResult answer = co_await fetch(time_, std::move(target), std::move(request));
    const int status = answer.head.status;
    if (answer.ec) {
        result.reason = answer.ec.message();
    } else if (status < 200 || status > 299) {
        result.reason = "answered " + std::to_string(status);
        result.outcome = may_pass(status) ? Outcome::failed : Outcome::refused;
        result.after = retry_after(answer.head);
    } else {
        result.outcome = Outcome::sent;
    }
    co_return result;
}

std::string SpanExporter::secure(ConnectTarget& target) {
    if (!settings_.collector.tls) return {};
    if (!tls_) {
        const std::string file =
            settings_.ca_file.empty() ? system_certificates : settings_.ca_file;
        TlsClientParameters parameters;
        parameters.tls12 = true;
        parameters.ca = read_file(file).value_or("");
        if (parameters.ca.empty()) return file + ": no certificates there";
        if (!settings_.certificate_file.empty()) {
            parameters.certificate = read_file(settings_.certificate_file).value_or("");
            parameters.key = read_file(settings_.key_file).value_or("");
        }
        TlsContext::Made made = TlsContext::make_client(parameters);
        if (!made.context) return made.error;
        tls_ = std::move(made.context);
    }
    target.tls.emplace();
    target.tls->context = tls_;
    target.tls->server.name = settings_.collector.host.host;
    return {};
}

void SpanExporter::told(const Post& post) {
    if (post.outcome == Outcome::sent) {
        if (!failing_.empty())
            log_info("trace_export_recovered", "the collector takes spans again",
                     {{"dropped", queue_.dropped_full() + queue_.dropped_failed()}});
        failing_.clear();
        return;
    }
    const Instant now = time_.now();
    const bool again = !failing_.empty() && now - told_at_ < told_again;
    failing_ = post.reason;
    if (again) return;
    told_at_ = now;
    log_warning("trace_export_failed", "spans cannot be exported; requests go on",
                {{"reason", post.reason},
                 {"host", settings_.collector.host.host},
                 {"port", settings_.collector.host.port},
                 {"waiting", queue_.size()},
                 {"dropped", queue_.dropped_full() + queue_.dropped_failed()}});
}

}  // namespace common
