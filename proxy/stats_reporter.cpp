#include "proxy/stats_reporter.hpp"

#include <algorithm>
#include <utility>

#include "common/core/path_pattern.hpp"
#include "common/http/simple_response.hpp"
#include "common/protocol/stat_message.hpp"
#include "proxy/answers.hpp"

namespace proxy {
namespace {

constexpr common::Duration period = std::chrono::seconds(1);  // contract queue-proxy 6.1

}  // namespace

StatsReporter::StatsReporter(common::TimeSource& time, common::RequestStats& stats,
                             std::string pod_name)
    : time_(time),
      stats_(stats),
      pod_name_(std::move(pod_name)),
      started_(time.now()),
      timer_(time.make_timer()) {
    common::Stat stat;
    stat.pod_name = pod_name_;
    encoded_ = common::encode_stat(stat);
}

StatsReporter::~StatsReporter() = default;

void StatsReporter::start() {
    next_tick_ = time_.now() + period;
    timer_->arm(next_tick_, [this] { tick(); });
}

void StatsReporter::stop() {
    timer_->disarm();
}

void StatsReporter::tick() {
    const common::Instant now = time_.now();
    const common::RequestStats::Report report = stats_.report(now);
    common::Stat stat;
    stat.pod_name = pod_name_;
    stat.average_concurrent_requests = report.average_concurrency;
    stat.average_proxied_concurrent_requests = report.average_proxied_concurrency;
    // Counts per period, however late the tick comes (contract 6.1).
    stat.request_count = report.requests;
    stat.proxied_request_count = report.proxied_requests;
    stat.process_uptime = common::to_seconds(now - started_);
    encoded_ = common::encode_stat(stat);
    next_tick_ = std::max(next_tick_ + period, now);
    timer_->arm(next_tick_, [this] { tick(); });
}

common::awaitable<void> StatsReporter::serve(common::Exchange& client) const {
    common::SimpleResponse response;
    if (common::path_of_target(client.request().target) == "/metrics") {
        // Compared for equality by the autoscaler: no parameters.
        response.content_type = "application/protobuf";
        response.body = encoded_;
    } else {
        response = plain_error(404, "404 page not found");
    }
    co_await common::respond(client, std::move(response));
}

}  // namespace proxy
