#include "proxy/core/admission.hpp"

#include <algorithm>

#include "common/core/check.hpp"

namespace proxy {

namespace {

// Removes the entry (deadline, id); at most a handful share a deadline.
template <class Id>
void erase_deadline(std::multimap<Instant, Id>& deadlines, Instant at, Id id) {
    auto [it, end] = deadlines.equal_range(at);
    for (; it != end; ++it) {
        if (it->second == id) {
            deadlines.erase(it);
            return;
        }
    }
}

}  // namespace

AdmissionLimits AdmissionLimits::of_container_concurrency(std::int64_t concurrency) {
    AdmissionLimits limits;
    if (concurrency < 1) return limits;
    limits.concurrency = static_cast<std::size_t>(concurrency);
    limits.queue_depth = 10 * limits.concurrency;
    return limits;
}

Admission::Admission(const AdmissionLimits& limits, Instant now) : limits_(limits), last_(now) {
    CHECK(limits.lease > Duration::zero());
}

void Admission::advance(Instant now) {
    CHECK(now >= last_);
    if (now == last_) return;
    const double seconds = common::to_seconds(now - last_);
    last_ = now;
    account_.busy += static_cast<double>(running_count_) * seconds;
    account_.held += static_cast<double>(held_count_) * seconds;
    account_.granted += static_cast<double>(grants_.size()) * seconds;
    account_.waiting += static_cast<double>(place_of_request_.size()) * seconds;
    if (!unlimited()) {
        account_.idle += static_cast<double>(limits_.concurrency - slots_taken()) * seconds;
    }
}

void Admission::start(RequestId id, Lane lane) {
    running_.emplace(id, Running{.lane = lane});
    if (lane == Lane::control) {
        ++control_count_;
    } else {
        ++running_count_;
    }
}

bool Admission::use_grant(ActivatorId activator) {
    if (activator == ActivatorId{}) return false;
    const auto it = std::find_if(grants_.begin(), grants_.end(),
                                 [&](const Grant& grant) { return grant.activator == activator; });
    if (it == grants_.end()) return false;
    grants_.erase(it);
    return true;
}

// Gives free slots to the first in line until one of them runs out.
void Admission::fill_slots(Instant now) {
    while (!line_.empty() && slots_taken() < limits_.concurrency) {
        const auto first = line_.begin();
        const Waiting next = first->second;
        if (next.is_reservation) {
            erase_reservation(first);
            const Instant until = now + limits_.lease;
            grants_.push_back({next.reservation, next.activator, until});
            actions_.push_back({.kind = AdmissionAction::Kind::grant,
                                .request = {},
                                .reservation = next.reservation,
                                .activator = next.activator,
                                .until = until});
        } else {
            place_of_request_.erase(next.request);
            line_.erase(first);
            start(next.request, Lane::app);
            actions_.push_back({.kind = AdmissionAction::Kind::start,
                                .request = next.request,
                                .reservation = {},
                                .activator = {}});
        }
    }
}

void Admission::erase_reservation(std::map<Place, Waiting>::iterator it) {
    const Waiting& waiting = it->second;
    if (waiting.expires != Instant::max()) {
        erase_deadline(expiries_, waiting.expires, waiting.reservation);
    }
    place_of_reservation_.erase(waiting.reservation);
    line_.erase(it);
}

Verdict Admission::arrive(const AdmissionRequest& request, Instant now) {
    tick(now);
    CHECK(!running_.contains(request.id) && !place_of_request_.contains(request.id));
    if (request.lane == Lane::control) {
        if (control_count_ >= limits_.control) return Verdict::refused;
        start(request.id, Lane::control);
        return Verdict::admitted;
    }
    // tick() left no free slot beside a line, so a free slot is nobody else's.
    if (unlimited() || use_grant(request.activator) || slots_taken() < limits_.concurrency) {
        start(request.id, Lane::app);
        return Verdict::admitted;
    }
    if (request.when_full == WhenFull::refuse) return Verdict::refused;
    if (place_of_request_.size() >= limits_.queue_depth) return Verdict::refused;
    const Place place{now, ++sequence_};
    place_of_request_.emplace(request.id, place);
    line_.emplace(place, Waiting{.request = request.id});
    return Verdict::queued;
}

bool Admission::abandon(RequestId id, Instant now) {
    tick(now);
    const auto it = place_of_request_.find(id);
    if (it == place_of_request_.end()) return false;
    line_.erase(it->second);
    place_of_request_.erase(it);
    return true;
}

void Admission::release(RequestId id, Instant now) {
    advance(now);
    const auto it = running_.find(id);
    CHECK(it != running_.end());
    const Running& running = it->second;
    if (running.held_until != Instant::max()) erase_deadline(holds_, running.held_until, id);
    if (running.lane == Lane::control) {
        --control_count_;
    } else if (running.held) {
        --held_count_;
    } else {
        --running_count_;
    }
    running_.erase(it);
    tick(now);
}

void Admission::hold(RequestId id, Duration at_most, Instant now) {
    advance(now);
    const auto it = running_.find(id);
    CHECK(it != running_.end());
    Running& running = it->second;
    if (running.lane == Lane::control || running.held) return;
    running.held = true;
    --running_count_;
    ++held_count_;
    // A bound beyond the clock's range is no bound.
    if (at_most < Instant::max() - now) {
        running.held_until = now + at_most;
        holds_.emplace(running.held_until, id);
    }
    tick(now);
}

ReserveVerdict Admission::reserve(const Reservation& reservation, Instant now) {
    tick(now);
    if (unlimited()) return ReserveVerdict::granted;
    for (const Grant& grant : grants_) {
        if (grant.reservation == reservation.id) return ReserveVerdict::granted;
    }
    const auto known = place_of_reservation_.find(reservation.id);
    if (known != place_of_reservation_.end()) {
        // Among those of the same time it keeps its turn.
        const std::uint64_t turn = known->second.second;
        erase_reservation(line_.find(known->second));
        put_in_line(reservation, {std::min(reservation.request_time, now), turn});
        return ReserveVerdict::waiting;
    }
    if (slots_taken() < limits_.concurrency) {
        grants_.push_back({reservation.id, reservation.activator, now + limits_.lease});
        return ReserveVerdict::granted;
    }
    if (place_of_reservation_.size() >= limits_.reservations) return ReserveVerdict::refused;
    put_in_line(reservation, {std::min(reservation.request_time, now), ++sequence_});
    return ReserveVerdict::waiting;
}

void Admission::put_in_line(const Reservation& reservation, Place place) {
    place_of_reservation_.emplace(reservation.id, place);
    line_.emplace(place, Waiting{.is_reservation = true,
                                 .reservation = reservation.id,
                                 .activator = reservation.activator,
                                 .expires = reservation.expires});
    if (reservation.expires != Instant::max()) {
        expiries_.emplace(reservation.expires, reservation.id);
    }
}

bool Admission::cancel(ReservationId id, Instant now) {
    tick(now);
    if (const auto it = place_of_reservation_.find(id); it != place_of_reservation_.end()) {
        erase_reservation(line_.find(it->second));
        return true;
    }
    const auto grant = std::find_if(grants_.begin(), grants_.end(),
                                    [&](const Grant& each) { return each.reservation == id; });
    if (grant == grants_.end()) return false;
    grants_.erase(grant);
    fill_slots(now);
    return true;
}

void Admission::forget(ActivatorId activator, Instant now) {
    tick(now);
    for (auto it = line_.begin(); it != line_.end();) {
        const auto next = std::next(it);
        if (it->second.is_reservation && it->second.activator == activator) erase_reservation(it);
        it = next;
    }
    std::erase_if(grants_, [&](const Grant& grant) { return grant.activator == activator; });
    fill_slots(now);
}

void Admission::tick(Instant now) {
    advance(now);
    while (!holds_.empty() && holds_.begin()->first <= now) {
        const RequestId id = holds_.begin()->second;
        holds_.erase(holds_.begin());
        running_.at(id).held_until = Instant::max();
        actions_.push_back({.kind = AdmissionAction::Kind::hold_expired,
                            .request = id,
                            .reservation = {},
                            .activator = {}});
    }
    const auto lapse = [this](ReservationId id, ActivatorId activator) {
        actions_.push_back({.kind = AdmissionAction::Kind::lapse,
                            .request = {},
                            .reservation = id,
                            .activator = activator});
    };
    while (!expiries_.empty() && expiries_.begin()->first <= now) {
        const ReservationId id = expiries_.begin()->second;
        const auto it = line_.find(place_of_reservation_.at(id));
        lapse(id, it->second.activator);
        erase_reservation(it);
    }
    // All leases are equally long, so the oldest grant ends first.
    while (!grants_.empty() && grants_.front().until <= now) {
        lapse(grants_.front().reservation, grants_.front().activator);
        grants_.erase(grants_.begin());
    }
    fill_slots(now);
}

Instant Admission::next_deadline() const {
    Instant next = Instant::max();
    if (!holds_.empty()) next = std::min(next, holds_.begin()->first);
    if (!expiries_.empty()) next = std::min(next, expiries_.begin()->first);
    if (!grants_.empty()) next = std::min(next, grants_.front().until);
    return next;
}

AdmissionCounts Admission::counts() const {
    return {.running = running_count_,
            .held = held_count_,
            .granted = grants_.size(),
            .waiting = place_of_request_.size(),
            .reserved = place_of_reservation_.size(),
            .control = control_count_};
}

SlotAccount Admission::account(Instant now) {
    advance(now);
    return account_;
}

void Admission::check_invariants() const {
    std::size_t running = 0;
    std::size_t held = 0;
    std::size_t control = 0;
    std::size_t bounded_holds = 0;
    for (const auto& [id, request] : running_) {
        CHECK(!place_of_request_.contains(id));
        CHECK(request.held || request.held_until == Instant::max());
        CHECK(!(request.held && request.lane == Lane::control));
        bounded_holds += request.held_until != Instant::max();
        control += request.lane == Lane::control;
        held += request.held;
        running += request.lane == Lane::app && !request.held;
    }
    CHECK(running == running_count_ && held == held_count_ && control == control_count_);
    CHECK(bounded_holds == holds_.size());
    CHECK(control <= limits_.control);
    CHECK(place_of_request_.size() <= limits_.queue_depth);
    CHECK(place_of_reservation_.size() <= limits_.reservations);
    CHECK(line_.size() == place_of_request_.size() + place_of_reservation_.size());
    for (const auto& [place, waiting] : line_) {
        CHECK(waiting.is_reservation ? place_of_reservation_.at(waiting.reservation) == place
                                     : place_of_request_.at(waiting.request) == place);
    }
    if (unlimited()) {
        CHECK(line_.empty() && grants_.empty());
        return;
    }
    CHECK(slots_taken() <= limits_.concurrency);
    CHECK(line_.empty() || slots_taken() == limits_.concurrency);
    for (std::size_t i = 1; i < grants_.size(); ++i) {
        CHECK(grants_[i - 1].until <= grants_[i].until);
    }
}

}  // namespace proxy
