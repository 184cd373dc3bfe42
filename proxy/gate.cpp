#include "proxy/gate.hpp"

#include <utility>
#include <vector>

#include "common/core/check.hpp"

namespace proxy {

Gate::Gate(common::TimeSource& time, const AdmissionLimits& limits)
    : time_(time), admission_(limits, time.now()), timer_(time.make_timer()) {}

Gate::~Gate() = default;

Verdict Gate::arrive(Ticket& ticket, Lane lane, WhenFull when_full, ActivatorId activator) {
    CHECK(ticket.state == Ticket::State::fresh);
    ticket.id = RequestId{++last_id_};
    AdmissionRequest request;
    request.id = ticket.id;
    request.lane = lane;
    request.when_full = when_full;
    request.activator = activator;
    const Verdict verdict = admission_.arrive(request, time_.now());
    switch (verdict) {
        case Verdict::admitted:
            ticket.state = Ticket::State::admitted;
            break;
        case Verdict::queued:
            ticket.state = Ticket::State::waiting;
            waiting_.emplace(ticket.id, &ticket);
            break;
        case Verdict::refused:
            ticket.state = Ticket::State::ended;
            break;
    }
    carry_out();
    return verdict;
}

bool Gate::abandon(Ticket& ticket) {
    if (ticket.state != Ticket::State::waiting) return false;
    CHECK(admission_.abandon(ticket.id, time_.now()));
    ticket.state = Ticket::State::ended;
    waiting_.erase(ticket.id);
    carry_out();
    return true;
}

void Gate::release(Ticket& ticket) {
    CHECK(ticket.state == Ticket::State::admitted);
    ticket.state = Ticket::State::ended;
    admission_.release(ticket.id, time_.now());
    carry_out();
}

void Gate::hold(Ticket& ticket, Duration at_most, std::function<void()> on_expired) {
    CHECK(ticket.state == Ticket::State::admitted);
    ticket.state = Ticket::State::ended;
    held_.emplace(ticket.id, std::move(on_expired));
    admission_.hold(ticket.id, at_most, time_.now());
    carry_out();
}

void Gate::release_held(RequestId id) {
    held_.erase(id);
    admission_.release(id, time_.now());
    carry_out();
}

void Gate::expire_holds() {
    // A callback may release its slot, and so change the map.
    std::vector<std::function<void()>> callbacks;
    for (auto& [id, on_expired] : held_) {
        if (on_expired) callbacks.push_back(std::exchange(on_expired, nullptr));
    }
    for (const std::function<void()>& on_expired : callbacks)
        on_expired();
}

std::uint32_t Gate::open_stream(Say say) {
    const std::uint32_t stream = ++last_stream_;
    streams_.emplace(stream, SlotStream{SlotClaim(stream), std::move(say)});
    return stream;
}

void Gate::hear(std::uint32_t stream, const SlotMessage& message) {
    const Instant now = time_.now();
    admission_.tick(now);
    carry_out();
    SlotStream& speaker = streams_.at(stream);
    const std::optional<SlotMessage> answer = speaker.claim.hear(message, admission_, now);
    if (answer) speaker.say(*answer);
    carry_out();
}

void Gate::close_stream(std::uint32_t stream) {
    const auto it = streams_.find(stream);
    CHECK(it != streams_.end());
    const ActivatorId activator = it->second.claim.activator();
    streams_.erase(it);
    admission_.forget(activator, time_.now());
    carry_out();
}

void Gate::carry_out() {
    const std::span<const AdmissionAction> actions = admission_.actions();
    if (!actions.empty()) {
        const std::vector<AdmissionAction> batch(actions.begin(), actions.end());
        admission_.clear_actions();
        for (const AdmissionAction& action : batch)
            carry_out(action);
    }
    arm();
}

void Gate::carry_out(const AdmissionAction& action) {
    switch (action.kind) {
        case AdmissionAction::Kind::start: {
            const auto it = waiting_.find(action.request);
            CHECK(it != waiting_.end());
            it->second->state = Ticket::State::admitted;
            it->second->woken.notify();
            waiting_.erase(it);
            break;
        }
        case AdmissionAction::Kind::hold_expired: {
            const auto it = held_.find(action.request);
            CHECK(it != held_.end());
            if (it->second) std::exchange(it->second, nullptr)();
            break;
        }
        case AdmissionAction::Kind::grant:
        case AdmissionAction::Kind::lapse: {
            // A stream that has just closed may have lost something in the same call.
            const auto it = streams_.find(SlotClaim::stream_of(action.reservation));
            if (it != streams_.end()) it->second.say(it->second.claim.tell(action));
            break;
        }
    }
}

void Gate::arm() {
    const Instant deadline = admission_.next_deadline();
    if (deadline >= armed_for_) return;  // an early timer finds out that nothing is due
    armed_for_ = deadline;
    timer_->arm(deadline, [this] {
        armed_for_ = Instant::max();
        admission_.tick(time_.now());
        carry_out();
    });
}

}  // namespace proxy
