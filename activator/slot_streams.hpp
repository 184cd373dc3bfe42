// The shell of core/slot_want: one slot stream to each pod that refused a request as busy while
// requests wait here, so that the next free slot there is ours when our request is the oldest of
// all activators' (proxy/core/slot_claim.hpp).
//
// A stream is opened by the first refusal (until then nobody here knows that others use the pod,
// and one request of theirs may pass an older one of ours), and closed when nothing has been wanted
// there for SlotWant::linger. If it cannot be opened (the other side does not know it), or breaks,
// the pod backs off instead (Scheduler::reservation_lost).
//
// What is wanted changes with every request that comes or goes. Each pod hears of it at most once a
// millisecond, and all of them together of `updates_per_s` changes, new reservations first: with
// up to `updates_at_once` reserved pods all hear of each change at once, so that the order of
// arrival over all activators is exact but for what is under way; with many more, an age that one
// pod believes may be some tenths of a second old. What keeps a slot from idling is never held
// back: a grant given back, and the reservation that follows a grant.
#pragma once

#include <map>
#include <memory>

#include "activator/core/slot_want.hpp"
#include "activator/router.hpp"
#include "common/async/task_group.hpp"
#include "common/time/time_source.hpp"

namespace activator {

class SlotStreams final : public Reservations {
  public:
    static constexpr Duration pass_period = std::chrono::milliseconds(1);
    static constexpr double updates_per_s = 1000;
    static constexpr double updates_at_once = 100;
    // For the connection, and for the answer to the upgrade.
    static constexpr Duration open_timeout = std::chrono::seconds(1);

    // All outlive it. close() it, and let the tasks end, before it goes away.
    SlotStreams(common::TaskGroup& tasks, common::TimeSource& time, Router& router);
    ~SlotStreams() override;

    void reserve(PodId pod) override;
    void changed() override;
    void give_back(const SlotGrant& grant) override;
    // Ends every stream and opens none any more.
    void close();
    std::size_t size() const { return streams_.size(); }

  private:
    struct Stream;

    common::awaitable<void> run(std::shared_ptr<Stream> stream);
    common::awaitable<bool> open(Stream& stream);
    common::awaitable<void> listen(Stream& stream);
    static common::awaitable<void> speak(Stream& stream);
    void hear(Stream& stream, const SlotMessage& message);
    void pass();
    bool follow_new(Instant now);
    bool follow_others(Instant now);
    void follow(Stream& stream, Instant now);
    bool take_update();
    void arm(bool more, Instant now);

    common::TaskGroup& tasks_;
    common::TimeSource& time_;
    Router& router_;
    std::map<PodId, std::shared_ptr<Stream>> streams_;
    std::unique_ptr<common::Timer> timer_;
    Instant passed_at_ = Instant::min();
    double updates_left_ = updates_at_once;
    PodId last_followed_;
    bool pass_posted_ = false;
    bool closed_ = false;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace activator
