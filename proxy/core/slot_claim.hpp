// What does one activator have in this pod's line? The queue-proxy's side of a slot stream
// (common/core/slot_message.hpp has the words): messages in, calls of the admission and answers
// out.
//
// Several activators stand before the same pods and know nothing of each other. One that was
// refused here opens a stream and leaves a reservation, with the age of its oldest request that may
// run here; a slot that falls free is kept, for a short lease, for whoever stands first in the
// pod's line, and only then does that activator choose the request (late binding, Sparrow,
// SOSP'13). So the pod serves in the order of arrival over all activators, up to the news that are
// under way, without one of them polling.
//
// A stream has at most one waiting reservation. Whatever dies, no slot is kept for nobody longer
// than the lease: the end of the stream takes reservation and unused grants along; an activator
// that is silent (stopped, cut off) loses a grant with its lease, and its reservation when it does
// not renew it.
#pragma once

#include <cstdint>
#include <optional>

#include "common/core/slot_message.hpp"
#include "proxy/core/admission.hpp"

namespace proxy {

using common::SlotMessage;

// A waiting reservation that is not renewed for so long is dropped (issue 4 point 7: three of the
// activator's renewals).
inline constexpr Duration reservation_expiry = std::chrono::seconds(3);

class SlotClaim {
  public:
    // `stream` names the stream in this process; never used twice, at most 32 bits.
    explicit SlotClaim(std::uint32_t stream) : stream_(stream) {}

    ActivatorId activator() const { return ActivatorId{stream_}; }
    // The stream that a reservation belongs to.
    static std::uint32_t stream_of(ReservationId id) {
        return static_cast<std::uint32_t>(id.value >> 32U);
    }

    // The activator says `want` or `none`. Returns what to answer at once, if anything.
    // REQUIRES: the admission is ticked to `now`, and its actions are carried out (a lapse of this
    // reservation would otherwise be told after its renewal).
    std::optional<SlotMessage> hear(const SlotMessage& message, Admission& admission, Instant now);
    // The admission granted or ended a reservation of this stream. Returns what to say.
    SlotMessage tell(const AdmissionAction& action);

  private:
    ReservationId reservation(std::uint32_t number) const {
        return ReservationId{(std::uint64_t{stream_} << 32U) | number};
    }
    std::optional<SlotMessage> want(const SlotMessage& message, Admission& admission, Instant now);
    void over(std::uint32_t number);

    std::uint32_t stream_;
    std::uint32_t waiting_ = 0;  // the reservation in line; 0: none
    std::uint32_t over_ = 0;     // granted, lapsed or taken back: all up to this number
};

}  // namespace proxy
