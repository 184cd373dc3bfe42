#include "sluice/replay/core/stock_throttler.hpp"

#include <algorithm>

namespace sluice::replay {
namespace {

constexpr std::uint32_t first_available_most = 3;

}  // namespace

Refusal StockThrottler::arrive(const Arrival& arrival, Instant now) {
    tick(now);
    line_.push_back({arrival.id, now});
    match(now);
    return Refusal::none;
}

void StockThrottler::finish(RequestId id, Instant now) {
    tick(now);
    const auto found = running_.find(id);
    if (found == running_.end()) return;
    const auto pod = in_flight_.find(found->second);
    --pod->second;
    running_.erase(found);
    const bool gone = std::find(ready_.begin(), ready_.end(), pod->first) == ready_.end();
    if (gone && pod->second == 0) in_flight_.erase(pod);
    match(now);
}

void StockThrottler::add_pod(PodId id, Instant) {
    starting_.push_back(id);
    in_flight_[id] = 0;
}

void StockThrottler::pod_ready(PodId id, Instant now) {
    tick(now);
    std::erase(starting_, id);
    ready_.insert(std::upper_bound(ready_.begin(), ready_.end(), id), id);
    match(now);
}

void StockThrottler::remove_pod(PodId id, Instant now) {
    tick(now);
    std::erase(starting_, id);
    std::erase(ready_, id);
    const auto pod = in_flight_.find(id);
    if (pod != in_flight_.end() && pod->second == 0) in_flight_.erase(pod);
}

void StockThrottler::tick(Instant now) {
    while (!line_.empty() && line_.front().since + timeout_ <= now) {
        const Waiting& first = line_.front();
        actions_.push_back({Action::Kind::expire,
                            activator::ExpiryCause::queue_timeout,
                            first.id,
                            {},
                            replayed_revision,
                            {},
                            now - first.since});
        line_.pop_front();
    }
}

Instant StockThrottler::next_deadline() const {
    return line_.empty() ? Instant::max() : line_.front().since + timeout_;
}

bool StockThrottler::has_slot(PodId id) const {
    return concurrency_ == 0 || in_flight_.at(id) < concurrency_;
}

PodId* StockThrottler::pick() {
    if (ready_.empty()) return nullptr;
    if (concurrency_ == 0) {
        PodId* one = &ready_[random_.below(ready_.size())];
        PodId* two = &ready_[random_.below(ready_.size())];
        return in_flight_.at(*two) < in_flight_.at(*one) ? two : one;
    }
    const bool round_robin = concurrency_ > first_available_most;
    for (std::size_t i = 0; i < ready_.size(); ++i) {
        const std::size_t index = (round_robin ? last_ + 1 + i : i) % ready_.size();
        if (!has_slot(ready_[index])) continue;
        last_ = index;
        return &ready_[index];
    }
    return nullptr;
}

void StockThrottler::match(Instant now) {
    while (!line_.empty()) {
        const std::size_t capacity = ready_.size() * concurrency_;
        if (concurrency_ != 0 && running_.size() >= capacity) return;
        PodId* pod = pick();
        if (pod == nullptr) return;
        const Waiting first = line_.front();
        line_.pop_front();
        ++in_flight_[*pod];
        running_.emplace(first.id, *pod);
        actions_.push_back(
            {Action::Kind::assign, {}, first.id, *pod, replayed_revision, {}, now - first.since});
    }
}

// Kubernetes: those that are not ready first, then any.
std::size_t StockThrottler::victims(Instant, std::span<PodId> out) {
    std::size_t found = 0;
    for (auto id = starting_.rbegin(); id != starting_.rend() && found < out.size(); ++id)
        out[found++] = *id;
    std::vector<PodId> rest = ready_;
    while (found < out.size() && !rest.empty()) {
        const std::size_t index = random_.below(rest.size());
        out[found++] = rest[index];
        rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(index));
    }
    return found;
}

}  // namespace sluice::replay
