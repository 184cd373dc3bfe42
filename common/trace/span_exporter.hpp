// The shell of core/span_queue: sends batches to a collector (OTLP) or to stdout.
// No request ever waits for it. A collector that is away costs a line in the log when it begins,
// one when it is over, and the spans that the queue cannot hold.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/async/task_group.hpp"
#include "common/core/outage.hpp"
#include "common/core/span_queue.hpp"
#include "common/otlp/client.hpp"
#include "common/time/time_source.hpp"
#include "common/trace/span.hpp"
#include "common/trace/trace_settings.hpp"

namespace common {

class SpanExporter {
  public:
    // The arguments outlive it; a task of `tasks` may run until it is closed and the task has
    // ended.
    SpanExporter(TimeSource& time, TaskGroup& tasks, TraceSettings settings);

    void add(const Span& span);
    // Takes nothing more. What is left is sent, in a task of its own, for `at_most` so long, or
    // dropped if the collector is away; a batch that is under way keeps its own timeout.
    void close(Duration at_most);

    const SpanQueue& queue() const { return queue_; }

  private:
    void arm();
    awaitable<void> export_batch();
    awaitable<void> send_batch();
    bool is_json() const;
    void told(const OtlpAnswer& answer);
    void print_batch();

    TimeSource& time_;
    TaskGroup& tasks_;
    TraceSettings::To to_;
    OtlpAttributes resource_;
    OtlpClient client_;
    SpanQueue queue_;
    std::unique_ptr<Timer> timer_;
    Instant armed_for_ = Instant::max();
    Outage outage_;
    bool away_ = false;  // the last batch was not taken
    Instant close_by_ = Instant::max();
    bool closed_ = false;
    bool sending_ = false;
};

}  // namespace common
