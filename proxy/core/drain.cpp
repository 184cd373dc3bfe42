#include "proxy/core/drain.hpp"

#include <algorithm>

namespace proxy {

void Drain::begin(Instant now) {
    if (state_ != State::serving) return;
    state_ = State::draining;
    quiet_until_ = now + rules_.quiet;
}

bool Drain::wait_requested(Instant now) {
    if (state_ > State::draining) return false;
    begin(now);
    has_waiters_ = true;
    // Every request has its own watcher; the first to find no signal resets for all (row 16).
    if (!has_signal_) undrain_at_ = std::min(undrain_at_, now + rules_.undrain);
    return true;
}

void Drain::signalled(Instant now) {
    if (has_signal_) {
        must_exit_now_ = true;
        return;
    }
    has_signal_ = true;
    undrain_at_ = Instant::max();
    begin(now);
}

void Drain::request_arrived(Instant now) {
    if (state_ == State::draining && now < quiet_until_) quiet_until_ = now + rules_.quiet;
}

void Drain::listeners_closed(std::uint64_t in_flight, Instant now) {
    if (state_ != State::closing) return;
    state_ = State::streams;
    in_flight_ = in_flight;
    streams_until_ = now + rules_.streams;
}

void Drain::in_flight_changed(std::uint64_t in_flight) {
    in_flight_ = in_flight;
}

DrainStep Drain::step(Instant now) {
    if (must_exit_now_) {
        if (state_ == State::over) return DrainStep::none;
        state_ = State::over;
        return DrainStep::exit_now;
    }
    if (now >= undrain_at_) {
        state_ = State::serving;
        quiet_until_ = undrain_at_ = Instant::max();
        must_release_ = has_waiters_;
    } else if (state_ == State::draining && now >= quiet_until_) {
        // A quiet period shorter than the un-drain delay answers the waiters now and is still
        // taken back if no signal comes.
        state_ = State::drained;
        quiet_until_ = Instant::max();
        must_release_ = has_waiters_;
    }
    if (must_release_) {
        must_release_ = has_waiters_ = false;
        return DrainStep::release_waiters;
    }
    if (state_ == State::drained && has_signal_) {
        state_ = State::closing;
        return DrainStep::close_listeners;
    }
    if (state_ == State::streams && in_flight_ == 0) {
        state_ = State::over;
        return DrainStep::exit_clean;
    }
    if (state_ == State::streams && now >= streams_until_) {
        state_ = State::over;
        return DrainStep::end_streams;
    }
    return DrainStep::none;
}

Instant Drain::next_deadline() const {
    if (state_ <= State::drained) return std::min(quiet_until_, undrain_at_);
    return state_ == State::streams ? streams_until_ : Instant::max();
}

}  // namespace proxy
