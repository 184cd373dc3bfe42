// Traces requests of one program: which are recorded, their ids, their spans on their way to the
// exporter.
#pragma once

#include <cstdint>
#include <memory>

#include "common/core/rng.hpp"
#include "common/trace/request_trace.hpp"
#include "common/trace/span.hpp"
#include "common/trace/span_exporter.hpp"

namespace common {

// Says in the log what was wrong with the settings, and where spans go. Null if nothing is to be
// traced. The arguments outlive it; see SpanExporter.
std::unique_ptr<Tracer> start_tracing(TimeSource& time, TaskGroup& tasks, TraceChoice choice);

class Tracer {
  public:
    Tracer(TimeSource& time, TaskGroup& tasks, TraceSettings settings);

    // The span of one that ended, begun and ended by the program's own clock.
    struct Times {
        Instant began;
        Instant ended;
    };
    // `span` needs no times.
    void add(Span span, Times times);
    // Takes no more; see SpanExporter::close().
    void close(Duration at_most) { exporter_.close(at_most); }
    const SpanQueue& queue() const { return exporter_.queue(); }

    // --- For RequestTrace.
    // As a child of `parent`, if there is one. `sampled` is decided.
    TraceContext new_context(const TraceContext* parent);
    std::uint64_t new_span();
    Instant now() const { return time_.now(); }

  private:
    TimeSource& time_;
    TraceSampler sampler_;
    SpanExporter exporter_;
    Rng rng_;
    std::int64_t wall_distance_ = 0;  // ns from the program's clock to the wall clock
};

}  // namespace common
