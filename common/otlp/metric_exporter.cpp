#include "common/otlp/metric_exporter.hpp"

#include <algorithm>
#include <utility>

#include "common/crypto/hmac.hpp"
#include "common/log/log.hpp"
#include "common/net/address.hpp"
#include "common/otlp/encode_metrics.hpp"

namespace common {
namespace {

std::int64_t nanoseconds(WallTime time) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

}  // namespace

std::unique_ptr<MetricExporter> start_metric_export(TimeSource& time, TaskGroup& tasks,
                                                    MetricChoice choice,
                                                    MetricExporter::Collect collect) {
    for (const std::string& warning : choice.warnings)
        log_warning("metrics_export", warning);
    const MetricSettings& settings = choice.settings;
    if (!settings.is_on) return nullptr;
    const HttpUrl& url = settings.collector.url;
    log_info("metrics_export", "metrics are pushed",
             {{"to", to_string(Address{url.host.host, url.host.port, {}})},
              {"path", url.path},
              {"protocol", to_string(settings.collector.protocol)},
              {"interval_s", to_seconds(settings.interval)}});
    return std::make_unique<MetricExporter>(time, tasks, std::move(choice.settings),
                                            std::move(collect));
}

MetricExporter::MetricExporter(TimeSource& time, TaskGroup& tasks, MetricSettings settings,
                               Collect collect)
    : time_(time),
      tasks_(tasks),
      client_(time, std::move(settings.collector)),
      interval_(settings.interval),
      resource_(std::move(settings.resource)),
      collect_(std::move(collect)),
      began_(time.wall_now()),
      rng_(random_word()),
      timer_(time.make_timer()),
      next_(time.now() + interval_) {
    arm(next_);
}

std::string MetricExporter::message() {
    // A wall clock that was set back must not make a time that ends before it began.
    const WallTime now = std::max(time_.wall_now(), began_);
    return encode_metrics(resource_, collect_(), {nanoseconds(began_), nanoseconds(now)});
}

void MetricExporter::arm(Instant when) {
    timer_->arm(when, [this] { start_push(message()); });
}

void MetricExporter::start_push(std::string message) {
    pushing_ = tasks_.spawn("push metrics", push(std::move(message)));
}

awaitable<void> MetricExporter::push(std::string message) {
    while (!message.empty()) {
        Duration timeout = client_.collector().timeout;
        if (closed_) timeout = std::min(timeout, close_by_ - time_.now());
        const OtlpAnswer answer = co_await client_.send(std::move(message), timeout);
        pushed(answer);
        message = std::exchange(last_, {});
        if (failures_ > 0 || time_.now() >= close_by_) break;
    }
    pushing_ = false;
}

void MetricExporter::pushed(const OtlpAnswer& answer) {
    told(answer);
    const Instant now = time_.now();
    while (next_ <= now)
        next_ += interval_;
    Instant when = next_;
    if (answer.outcome == OtlpAnswer::Outcome::sent) {
        failures_ = 0;
    } else {
        const Duration pause = export_pause({}, failures_, answer.after, rng_);
        ++failures_;
        // The collector's own pause counts; what it refuses today it refuses until the next push.
        if (answer.after) when = std::max(when, now + pause);
        if (answer.outcome == OtlpAnswer::Outcome::failed && !answer.after)
            when = std::min(when, now + pause);
    }
    if (!closed_) arm(when);
}

void MetricExporter::close(Duration at_most) {
    if (std::exchange(closed_, true)) return;
    timer_->disarm();
    close_by_ = time_.now() + at_most;
    if (failures_ > 0 || at_most <= Duration::zero()) return;
    if (pushing_) {
        last_ = message();
    } else {
        start_push(message());
    }
}

void MetricExporter::told(const OtlpAnswer& answer) {
    if (answer.reason.empty()) {
        if (outage_.ended())
            log_info("metrics_export_recovered", "the collector takes metrics again");
        return;
    }
    if (!outage_.failed(time_.now())) return;
    const HostPort& host = client_.collector().url.host;
    log_warning("metrics_export_failed", "metrics cannot be pushed; requests go on",
                {{"reason", answer.reason}, {"host", host.host}, {"port", host.port}});
}

}  // namespace common
