// What the autoscaler is told about this pod: the average of the last second, as protobuf (contract
// queue-proxy 6). Scraping does not reset anything.
#pragma once

#include <memory>
#include <string>

#include "common/core/request_stats.hpp"
#include "common/http/exchange.hpp"
#include "common/time/time_source.hpp"

namespace proxy {

class StatsReporter {
  public:
    // `time` and `stats` outlive it.
    StatsReporter(common::TimeSource& time, common::RequestStats& stats, std::string pod_name);
    ~StatsReporter();

    void start();
    void stop();
    // The body of GET /metrics: the last report, before the first one only the pod's name.
    const std::string& encoded() const { return encoded_; }
    // Answers one request on the statistics port.
    common::awaitable<void> serve(common::Exchange& client) const;

  private:
    void tick();

    common::TimeSource& time_;
    common::RequestStats& stats_;
    std::string pod_name_;
    std::string encoded_;
    common::Instant started_;
    common::Instant next_tick_;
    std::unique_ptr<common::Timer> timer_;
};

}  // namespace proxy
