#include "proxy/core/probe_policy.hpp"

#include <algorithm>

#include "common/core/check.hpp"

namespace proxy {

bool ProbePolicy::ask(Instant now) {
    if (is_running_) return false;
    is_running_ = true;
    is_trying_ = false;
    has_tried_ = false;
    last_passed_ = false;
    started_ = now;
    next_try_ = now;
    failures_ = 0;
    last_error_.clear();
    return true;
}

ProbePolicy::Step ProbePolicy::step(Instant now) {
    if (!is_running_) return Step::idle;
    if (is_trying_) return Step::wait;
    const auto end = [this](Step result) {
        is_running_ = false;
        return result;
    };
    if (has_tried_) {
        if (!is_aggressive()) return end(last_passed_ ? Step::ready : Step::not_ready);
        if (successes_ >= rules_.success_threshold) {
            failures_ = 0;
            return end(Step::ready);
        }
        if (now - started_ >= aggressive_run_limit) return end(Step::not_ready);
    }
    if (now < next_try_) return Step::wait;
    is_trying_ = true;
    return Step::attempt;
}

void ProbePolicy::tried(bool passed, std::string_view error, Instant now) {
    CHECK(is_trying_);
    is_trying_ = false;
    has_tried_ = true;
    last_passed_ = passed;
    next_try_ = now + aggressive_pause;
    if (passed) {
        // Never beyond the threshold: a long-lived counter must not wrap.
        successes_ = std::min(successes_ + 1, std::max(rules_.success_threshold, 1U));
        return;
    }
    successes_ = 0;
    ++failures_;
    last_error_ = error;
}

Instant ProbePolicy::next_deadline() const {
    if (!is_running_ || is_trying_) return Instant::max();
    return std::min(next_try_, started_ + aggressive_run_limit);
}

std::string ProbePolicy::summary() const {
    if (failures_ == 0) return {};
    if (!is_aggressive()) return last_error_;
    return "aggressive probe error (failed " + std::to_string(failures_) +
           " times): " + last_error_;
}

}  // namespace proxy
