// What is to be said to one pod's queue-proxy about what waits here for it? The activator's side of
// a slot stream (common/core/slot_message.hpp has the words, proxy/core/slot_claim.hpp the other
// side): what the scheduler wants in, messages out. Of the scheduler it knows only the time since
// when the oldest request that may run there has been under way (Scheduler::wanted).
//
// It never has more than one reservation waiting. A grant uses it up; the next `want` is a new one,
// with the next number, so that what is under way for the old one is known to be void.
#pragma once

#include <cstdint>
#include <optional>

#include "common/core/slot_message.hpp"
#include "common/core/time.hpp"

namespace activator {

using common::Duration;
using common::Instant;
using common::SlotMessage;

class SlotWant {
  public:
    // How often a reservation that waits is renewed; the queue-proxy drops it after three times
    // that (issue 4 point 7).
    static constexpr Duration renewal = std::chrono::seconds(1);
    // How long a stream is kept while nothing is wanted, so that one busy spell has one stream.
    static constexpr Duration linger = std::chrono::seconds(5);

    explicit SlotWant(Instant now) : idle_since_(now) {}

    // What is to be said now, if anything. Call it after whatever may have changed `wanted`.
    std::optional<SlotMessage> follow(std::optional<Instant> wanted, Instant now);
    // A `grant` came. True: it is ours to use, or to give back with none(). False: it is void.
    bool take_grant(std::uint32_t number, Instant now);
    // A `lapse` came; follow() says what is wanted anew.
    void lapsed(std::uint32_t number, Instant now);
    static SlotMessage give_back(std::uint32_t number) {
        return {SlotMessage::Kind::none, number, {}};
    }
    // A reservation is in line at the queue-proxy, as far as we know.
    bool waiting() const { return waiting_; }

    // Nothing has been wanted for long enough, or the numbers are used up: close the stream.
    bool over(Instant now) const;
    // When follow() has something to say, or over() becomes true, without any news.
    Instant next_deadline() const;

  private:
    std::uint32_t number_ = 0;  // the last one used
    bool waiting_ = false;      // a reservation of this number
    Instant since_{};           // waiting: as said last
    Instant said_at_{};         // waiting
    Instant idle_since_;        // not waiting
};

}  // namespace activator
