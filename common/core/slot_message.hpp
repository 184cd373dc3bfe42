// What an activator and a queue-proxy say to each other on a slot stream, one message a line. Pure
// text; who says what when is in activator/core/slot_want.hpp and proxy/core/slot_claim.hpp.
//
//   activator -> queue-proxy
//     want NUMBER AGE   keep a slot for me: my oldest request that may run there has waited for AGE
//                       µs. The first `want` of a number makes the reservation, later ones renew it
//                       and correct its age.
//     none NUMBER       I have no use for it (any more), granted or not.
//   queue-proxy -> activator
//     grant NUMBER      a slot is kept for you: send the request, it names the stream.
//     lapse NUMBER      the reservation, or the grant that nobody used, is over.
//
// An age, not a time, because two machines' clocks differ; µs, because two requests a millisecond
// apart have an order. It is as exact as the message is quick: two requests of different activators
// are in order if they came further apart than a message takes. The number says which of a stream's
// reservations is meant: the stream and the connections of the requests overtake each other, and a
// `want` that was under way when its slot was granted (and perhaps used already) must not make a
// second reservation. Numbers only grow.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/core/time.hpp"

namespace common {

struct SlotMessage {
    enum class Kind : std::uint8_t { want, none, grant, lapse };
    Kind kind = Kind::none;
    std::uint32_t number = 0;
    Duration age{};  // want only; whole microseconds, not negative, at most slot_age_max

    friend bool operator==(const SlotMessage&, const SlotMessage&) = default;
};

// The longest wait that makes sense on the wire: far beyond every wait budget (24 h).
inline constexpr Duration slot_age_max = std::chrono::hours(24 * 365);

// With its "\n". An age out of range is brought into it.
std::string to_line(const SlotMessage& message);
// A line without its "\n"; nothing if it is anything but a message to the letter.
std::optional<SlotMessage> parse_slot_message(std::string_view line);

// Cuts what comes in into messages. Bounded: more bytes without a line's end than any message has
// are garbage.
class SlotLines {
  public:
    void add(std::string_view bytes) { bytes_.append(bytes); }
    // The next message; nothing if there is none yet, or never again (see broken()).
    std::optional<SlotMessage> next();
    // Something came that is no message. It stays so.
    bool broken() const { return broken_; }

  private:
    std::string bytes_;
    bool broken_ = false;
};

}  // namespace common
