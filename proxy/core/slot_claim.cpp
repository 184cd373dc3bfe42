#include "proxy/core/slot_claim.hpp"

#include <algorithm>

#include "common/core/check.hpp"

namespace proxy {

using Kind = SlotMessage::Kind;

std::optional<SlotMessage> SlotClaim::hear(const SlotMessage& message, Admission& admission,
                                           Instant now) {
    if (message.kind == Kind::want) return want(message, admission, now);
    CHECK(message.kind == Kind::none);
    admission.cancel(reservation(message.number), now);
    // Numbers only grow: with this one, all before it are done with.
    if (waiting_ < message.number) admission.cancel(reservation(waiting_), now);
    over(message.number);
    return std::nullopt;
}

std::optional<SlotMessage> SlotClaim::want(const SlotMessage& message, Admission& admission,
                                           Instant now) {
    // Said before the activator heard what became of it.
    if (message.number <= over_ || message.number < waiting_) return std::nullopt;
    if (waiting_ != 0 && waiting_ != message.number) {
        admission.cancel(reservation(waiting_), now);
        over(waiting_);
    }
    Reservation wanted;
    wanted.id = reservation(message.number);
    wanted.activator = activator();
    wanted.request_time = now - message.age;
    wanted.expires = now + reservation_expiry;
    const ReserveVerdict verdict = admission.reserve(wanted, now);
    if (verdict == ReserveVerdict::waiting) {
        waiting_ = message.number;
        return std::nullopt;
    }
    over(message.number);
    const bool granted = verdict == ReserveVerdict::granted;
    return SlotMessage{granted ? Kind::grant : Kind::lapse, message.number, {}};
}

SlotMessage SlotClaim::tell(const AdmissionAction& action) {
    CHECK(stream_of(action.reservation) == stream_);
    const auto number = static_cast<std::uint32_t>(action.reservation.value);
    over(number);
    const bool granted = action.kind == AdmissionAction::Kind::grant;
    return {granted ? Kind::grant : Kind::lapse, number, {}};
}

void SlotClaim::over(std::uint32_t number) {
    over_ = std::max(over_, number);
    if (waiting_ <= over_) waiting_ = 0;
}

}  // namespace proxy
