// The shell of core/span_queue: sends batches to a collector (OTLP over HTTP, JSON) or to stdout.
// No request ever waits for it. A collector that is away costs a line in the log when it begins,
// one when it is over, and the spans that the queue cannot hold.
#pragma once

#include <memory>
#include <string>

#include "common/async/task_group.hpp"
#include "common/core/span_queue.hpp"
#include "common/forward/fetch.hpp"
#include "common/time/time_source.hpp"
#include "common/trace/trace_settings.hpp"

namespace common {

class SpanExporter {
  public:
    // The arguments outlive it; a task of `tasks` may run until it is closed and the task has
    // ended.
    SpanExporter(TimeSource& time, TaskGroup& tasks, TraceSettings settings);

    // `span` of encode_span().
    void add(std::string span);
    // Takes nothing more. What is left is sent, in a task of its own, for `at_most` so long, or
    // dropped if the collector is away; a batch that is under way keeps its own timeout.
    void close(Duration at_most);

    const SpanQueue& queue() const { return queue_; }

  private:
    enum class Outcome { sent, refused, failed };
    struct Post {
        Outcome outcome = Outcome::failed;
        std::string reason;
        std::optional<Duration> after;
    };

    void arm();
    awaitable<void> export_batch();
    awaitable<void> send_batch();
    awaitable<Post> post(std::string body, Duration timeout);
    // "" or why there is no TLS.
    std::string secure(ConnectTarget& target);
    void told(const Post& post);
    void print_batch();

    TimeSource& time_;
    TaskGroup& tasks_;
    TraceSettings settings_;
    SpanQueue queue_;
    std::unique_ptr<Timer> timer_;
    Instant armed_for_ = Instant::max();
    std::shared_ptr<const TlsContext> tls_;
    std::string failing_;  // why the last batch failed; empty: it did not
    Instant told_at_{};
    Instant close_by_ = Instant::max();
    bool closed_ = false;
    bool sending_ = false;
};

}  // namespace common
