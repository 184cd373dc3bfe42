#include "common/core/span_queue.hpp"

#include <algorithm>
#include <utility>

#include "common/core/check.hpp"

namespace common {

SpanQueue::SpanQueue(const SpanQueueLimits& limits, std::uint64_t seed)
    : limits_(limits), rng_(seed) {}

void SpanQueue::add(std::string span, Instant now) {
    if (size() >= limits_.spans_max) {
        ++dropped_full_;
        return;
    }
    waiting_.push_back({std::move(span), now});
}

Instant SpanQueue::next_export() const {
    if (under_way_ || size() == 0) return Instant::max();
    // A batch that failed has waited already.
    const bool enough = !batch_.empty() || waiting_.size() >= limits_.batch_max;
    const Instant ready = enough ? Instant::min() : waiting_.front().since + limits_.delay;
    return std::max(ready, paused_until_);
}

const std::vector<std::string>& SpanQueue::take() {
    CHECK(!under_way_);
    if (batch_.empty()) tries_ = 0;
    while (batch_.size() < limits_.batch_max && !waiting_.empty() && tries_ == 0) {
        batch_.push_back(std::move(waiting_.front().span));
        waiting_.pop_front();
    }
    under_way_ = !batch_.empty();
    return batch_;
}

void SpanQueue::sent(Instant now) {
    CHECK(under_way_);
    exported_ += batch_.size();
    batch_.clear();
    under_way_ = false;
    failures_ = 0;
    paused_until_ = now;
}

void SpanQueue::failed(bool retry, std::optional<Duration> after, Instant now) {
    CHECK(under_way_);
    under_way_ = false;
    ++tries_;
    paused_until_ = now + export_pause(limits_.pauses, failures_, after, rng_);
    ++failures_;
    if (!retry || tries_ >= limits_.tries_max) drop_batch();
}

void SpanQueue::drop_batch() {
    dropped_failed_ += batch_.size();
    batch_.clear();
}

void SpanQueue::give_up() {
    under_way_ = false;
    drop_batch();
    dropped_failed_ += waiting_.size();
    waiting_.clear();
}

}  // namespace common
