// Pushes metrics to a collector: all of them, as they are, once in each interval, and once more at
// the end. No request waits for it. Nothing is kept for a collector that is away: what counts is
// cumulative, and the next push says it all. An outage costs a line in the log when it begins, one
// when it is over, and tries that come as in core/export_pause, or in the next interval if that is
// sooner.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/async/task_group.hpp"
#include "common/core/export_pause.hpp"
#include "common/core/outage.hpp"
#include "common/metrics/exposition.hpp"
#include "common/otlp/client.hpp"
#include "common/otlp/metric_settings.hpp"
#include "common/time/time_source.hpp"

namespace common {

class MetricExporter {
  public:
    // All metrics now. Called from the event loop.
    using Collect = std::function<std::vector<MetricFamilyText>()>;

    // The arguments outlive it; a task of `tasks` may run until it is closed and the task has
    // ended. The first push comes after one interval.
    MetricExporter(TimeSource& time, TaskGroup& tasks, MetricSettings settings, Collect collect);

    // The last push has the numbers of now; `collect` is not called any more. It goes in a task of
    // its own, for `at_most` so long, or not at all if the collector is away; a push that is under
    // way keeps its own timeout.
    void close(Duration at_most);

  private:
    std::string message();
    void arm(Instant when);
    void start_push(std::string message);
    awaitable<void> push(std::string message);
    void pushed(const OtlpAnswer& answer);
    void told(const OtlpAnswer& answer);

    TimeSource& time_;
    TaskGroup& tasks_;
    OtlpClient client_;
    Duration interval_;
    OtlpAttributes resource_;
    Collect collect_;
    WallTime began_;
    Rng rng_;
    std::unique_ptr<Timer> timer_;
    Instant next_;  // of the interval
    Outage outage_;
    unsigned failures_ = 0;  // in a row
    std::string last_;       // waits for the push that is under way at the end
    Instant close_by_ = Instant::max();
    bool closed_ = false;
    bool pushing_ = false;
};

// Says in the log what was wrong with the settings, and where metrics go. Null if none are pushed.
// The arguments outlive it; see MetricExporter.
std::unique_ptr<MetricExporter> start_metric_export(TimeSource& time, TaskGroup& tasks,
                                                    MetricChoice choice,
                                                    MetricExporter::Collect collect);

}  // namespace common
