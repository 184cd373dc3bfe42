// The lock is handed over, never freed, while anybody waits: so nobody overtakes.
#include "tests/sd_standin/job_lock.hpp"

#include <algorithm>
#include <iterator>

namespace standin {

JobLock::Visit::Visit(JobLock& lock) : lock_(lock) {
    const std::lock_guard guard(lock_.mutex_);
    Counts& counts = lock_.counts_;
    ++counts.inside_now;
    is_record_ = counts.inside_now > counts.inside_max;
    counts.inside_max = std::max(counts.inside_max, counts.inside_now);
}

JobLock::Visit::~Visit() {
    const std::lock_guard guard(lock_.mutex_);
    --lock_.counts_.inside_now;
    if (!holds_) return;
    --lock_.counts_.holding_now;
    if (lock_.closed_ || lock_.waiting_.empty()) return;
    ++lock_.counts_.holding_now;  // for the waiter, who may wake late
    Waiter& next = lock_.waiting_.front();
    next.granted = true;
    next.turn.notify_one();
}

bool JobLock::Visit::hold() {
    std::unique_lock guard(lock_.mutex_);
    if (lock_.closed_) return false;
    if (lock_.counts_.holding_now == 0) {
        ++lock_.counts_.holding_now;
        holds_ = true;
    } else {
        Waiter& self = lock_.waiting_.emplace_back();
        const auto place = std::prev(lock_.waiting_.end());
        self.turn.wait(guard, [&] { return self.granted || lock_.closed_; });
        holds_ = self.granted;
        lock_.waiting_.erase(place);
    }
    if (!holds_) return false;
    lock_.counts_.holding_max = std::max(lock_.counts_.holding_max, lock_.counts_.holding_now);
    return true;
}

JobLock::Counts JobLock::counts() const {
    const std::lock_guard guard(mutex_);
    return counts_;
}

void JobLock::reset_maxima() {
    const std::lock_guard guard(mutex_);
    counts_.inside_max = counts_.inside_now;
    counts_.holding_max = counts_.holding_now;
}

void JobLock::close() {
    const std::lock_guard guard(mutex_);
    closed_ = true;
    for (Waiter& waiter : waiting_)
        waiter.turn.notify_one();
}

}  // namespace standin
