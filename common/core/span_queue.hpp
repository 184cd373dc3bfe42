// The spans that wait to be exported, and when they go: OpenTelemetry's batching processor as a
// plain class. The number of spans is bounded, those under way included; what comes when it is full
// is dropped and counted, so that a collector that is slow or dead costs memory up to the bound and
// nothing else.
//
// A batch goes when there is enough for one, or `delay` after the first span of it. One batch is
// under way at a time. After a failure that may pass nothing goes for a pause, which doubles up to
// a bound, and the same batch is tried again; after some tries it is dropped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "common/core/export_pause.hpp"
#include "common/core/rng.hpp"
#include "common/core/time.hpp"

namespace common {

struct SpanQueueLimits {
    // Defaults of OpenTelemetry's OTEL_BSP_* variables.
    std::size_t spans_max = 2048;
    std::size_t batch_max = 512;
    Duration delay = std::chrono::seconds(5);
    ExportPauses pauses;
    unsigned tries_max = 5;
};

class SpanQueue {
  public:
    SpanQueue(const SpanQueueLimits& limits, std::uint64_t seed);

    // `span` is whatever the exporter sends.
    void add(std::string span, Instant now);
    // When a batch may go; Instant::max() while there is none, or one is under way.
    Instant next_export() const;
    // The oldest spans: they are under way until sent() or failed(). Ready or not: at the end
    // nobody waits for more. REQUIRES: none is under way. Valid until then; empty: there is none.
    const std::vector<std::string>& take();
    void sent(Instant now);
    // `retry`: it may go better later, in `after` if the collector said so.
    void failed(bool retry, std::optional<Duration> after, Instant now);
    // Nothing more will be tried: what is left is dropped.
    void give_up();

    std::size_t size() const { return waiting_.size() + batch_.size(); }
    std::uint64_t exported() const { return exported_; }
    std::uint64_t dropped_full() const { return dropped_full_; }
    std::uint64_t dropped_failed() const { return dropped_failed_; }

  private:
    struct Waiting {
        std::string span;
        Instant since;
    };
    void drop_batch();

    SpanQueueLimits limits_;
    Rng rng_;
    std::deque<Waiting> waiting_;
    std::vector<std::string> batch_;
    bool under_way_ = false;
    unsigned tries_ = 0;     // of this batch
    unsigned failures_ = 0;  // since a batch was last sent
    Instant paused_until_{};
    std::uint64_t exported_ = 0;
    std::uint64_t dropped_full_ = 0;
    std::uint64_t dropped_failed_ = 0;
};

}  // namespace common
