#include "proxy/core/timeouts.hpp"

#include <algorithm>

namespace proxy {

namespace {

// start + duration without overflow.
Instant after(Instant start, Duration duration) {
    return duration < Instant::max() - start ? start + duration : Instant::max();
}

}  // namespace

RequestTimeouts::RequestTimeouts(const TimeoutLimits& limits, Instant start)
    : total_deadline_(after(start, std::max(limits.total, Duration::zero()))),
      idle_(limits.idle),
      last_activity_(start) {
    if (limits.response_start > Duration::zero()) {
        response_start_deadline_ = after(start, limits.response_start);
    }
}

void RequestTimeouts::wrote(Instant now) {
    has_written_ = true;
    last_activity_ = now;
    response_start_deadline_ = Instant::max();
}

Instant RequestTimeouts::idle_deadline() const {
    return idle_ > Duration::zero() ? after(last_activity_, idle_) : Instant::max();
}

Instant RequestTimeouts::next_deadline() const {
    if (fired_) return Instant::max();
    return std::min({total_deadline_, response_start_deadline_, idle_deadline()});
}

std::optional<Timeout> RequestTimeouts::fired(Instant now) {
    const Instant deadline = next_deadline();
    if (fired_ || now < deadline) return fired_;
    if (deadline == total_deadline_) {
        fired_ = Timeout::total;
    } else if (deadline == response_start_deadline_) {
        fired_ = Timeout::response_start;
    } else {
        fired_ = Timeout::idle;
    }
    return fired_;
}

std::string_view timeout_name(Timeout timeout) {
    switch (timeout) {
        case Timeout::total:
            return "Request timeout";
        case Timeout::response_start:
            return "Response start timeout";
        case Timeout::idle:
            break;
    }
    return "Idle timeout";
}

}  // namespace proxy
