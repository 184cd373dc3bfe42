#include "common/core/request_stats.hpp"

#include "common/core/check.hpp"

namespace common {

void RequestStats::advance(Instant now) {
    if (now <= last_) return;
    const auto passed = static_cast<double>((now - last_).count());
    elapsed_ += passed;
    area_ += static_cast<double>(concurrency_) * passed;
    proxied_area_ += static_cast<double>(proxied_concurrency_) * passed;
    last_ = now;
}

void RequestStats::request_in(Instant now) {
    advance(now);
    requests_ += 1;
    ++concurrency_;
}

void RequestStats::request_out(Instant now) {
    advance(now);
    CHECK(concurrency_ > proxied_concurrency_);
    --concurrency_;
}

void RequestStats::proxied_in(Instant now) {
    request_in(now);
    proxied_requests_ += 1;
    ++proxied_concurrency_;
}

void RequestStats::proxied_out(Instant now) {
    advance(now);
    CHECK(proxied_concurrency_ > 0);
    --proxied_concurrency_;
    --concurrency_;
}

RequestStats::Report RequestStats::report(Instant now) {
    advance(now);
    Report report;
    if (elapsed_ > 0) {
        report.average_concurrency = area_ / elapsed_;
        report.average_proxied_concurrency = proxied_area_ / elapsed_;
    }
    report.requests = requests_;
    report.proxied_requests = proxied_requests_;
    elapsed_ = area_ = proxied_area_ = requests_ = proxied_requests_ = 0;
    return report;
}

}  // namespace common
