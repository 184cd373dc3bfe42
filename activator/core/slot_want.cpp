#include "activator/core/slot_want.hpp"

#include <limits>

namespace activator {

using Kind = SlotMessage::Kind;

std::optional<SlotMessage> SlotWant::follow(std::optional<Instant> wanted, Instant now) {
    if (!wanted) {
        if (!waiting_) return std::nullopt;
        waiting_ = false;
        idle_since_ = now;
        return give_back(number_);
    }
    if (!waiting_) {
        ++number_;
        waiting_ = true;
    } else if (*wanted == since_ && now < said_at_ + renewal) {
        return std::nullopt;
    }
    since_ = *wanted;
    said_at_ = now;
    return SlotMessage{Kind::want, number_, now - since_};
}

bool SlotWant::take_grant(std::uint32_t number, Instant now) {
    if (!waiting_ || number != number_) return false;
    waiting_ = false;
    idle_since_ = now;
    return true;
}

void SlotWant::lapsed(std::uint32_t number, Instant now) {
    take_grant(number, now);
}

bool SlotWant::over(Instant now) const {
    if (waiting_) return false;
    return now >= idle_since_ + linger || number_ == std::numeric_limits<std::uint32_t>::max();
}

Instant SlotWant::next_deadline() const {
    return waiting_ ? said_at_ + renewal : idle_since_ + linger;
}

}  // namespace activator
