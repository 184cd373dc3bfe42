// How many probes run at once. Each takes 6 KiB and up to 0.2 ms of a CPU while it runs: thousands
// that begin together, as at a start before a large house, would all run out of their time (0.3 s)
// and begin anew, for minutes.
//
// First come, first served; but a pod whose last probe ran out of its time (its node is gone, say)
// stands in a line of its own, after the others, and these may not have all places: such pods hold
// up one another and nobody else.
#pragma once

#include <cstddef>
#include <deque>
#include <utility>

#include "common/async/awaitable.hpp"
#include "common/async/signal.hpp"

namespace activator {

class ProbePlaces {
  public:
    // A quarter of a probe's time on a core that is half free.
    static constexpr std::size_t places_max = 256;
    static constexpr std::size_t places_late_max = 192;

    // Given back when it goes away.
    class Place {
      public:
        Place() = default;
        Place(ProbePlaces* owner, bool late) : owner_(owner), late_(late) {}
        Place(Place&& other) noexcept
            : owner_(std::exchange(other.owner_, nullptr)), late_(other.late_) {}
        Place& operator=(Place&&) = delete;
        ~Place() {
            if (owner_ != nullptr) owner_->give_back(late_);
        }
        explicit operator bool() const { return owner_ != nullptr; }

      private:
        ProbePlaces* owner_ = nullptr;
        bool late_ = false;
    };

    // Outlives the places, and whoever waits for one.
    explicit ProbePlaces(common::LoopExecutor executor) : executor_(executor) {}

    // Returns with a place when there is one; after close() at once, and with none. `late`: the
    // pod's last probe ran out of its time.
    common::awaitable<Place> take(bool late);
    // Nobody waits any more.
    void close();
    std::size_t taken() const { return taken_; }

  private:
    struct Waiter {
        explicit Waiter(common::LoopExecutor executor) : woken(executor) {}
        common::Signal woken;
        bool has_place = false;
    };

    void give_back(bool late);
    void hand_out();
    bool hand_out_to(std::deque<Waiter*>& line);

    common::LoopExecutor executor_;
    std::deque<Waiter*> line_;
    std::deque<Waiter*> late_line_;
    std::size_t taken_ = 0;
    std::size_t taken_late_ = 0;
    bool closed_ = false;
};

}  // namespace activator
