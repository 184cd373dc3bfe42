// What does one decision of the scheduler cost, and how does that grow?
//
// The pure core alone, no sockets: pods of one slot, all busy, some requests waiting. One decision
// is one request's way through it: an arrival, and the end of a running one, which frees a slot
// that the oldest waiter gets. Measured for each number of pods, of waiting requests and of
// sessions (each arrival pinned to its session's pod). Prints one JSON object per line.
#include <cstdint>
#include <cstdio>
#include <deque>
#include <random>

#include <CLI/CLI.hpp>

#include "activator/core/scheduler.hpp"
#include "bench/sockets.hpp"

namespace bench {
namespace {

using activator::Action;
using activator::Arrival;
using activator::Scheduler;
using common::Instant;
using common::PodId;
using common::RequestId;
using common::RevisionId;

struct Size {
    std::uint64_t pods;
    std::uint64_t waiting;
    std::uint64_t sessions;
};

class Rig {
  public:
    explicit Rig(const Size& size)
        : size_(size), scheduler_({.queue_bytes = std::size_t{1} << 40}) {
        activator::RevisionPolicy policy;
        policy.concurrency = 1;
        policy.queue_limit = 4'000'000;
        policy.queue_timeout = std::chrono::hours(24);
        scheduler_.add_revision(revision_, policy, now_);
        for (std::uint64_t pod = 1; pod <= size_.pods; ++pod) {
            scheduler_.add_pod(revision_, PodId{pod}, now_);
            scheduler_.set_pod_ready(PodId{pod}, true, now_);
        }
        for (std::uint64_t n = 0; n < size_.pods + size_.waiting; ++n)
            arrive();
    }

    // One arrival, one end. A pinned line may be empty while another is long, so the end of one
    // running request assigns at most one.
    void decide() {
        arrive();
        const RequestId done = running_.front();
        running_.pop_front();
        scheduler_.finish(done, activator::Outcome::done, now_);
        drain();
    }

    std::uint64_t assigned() const { return assigned_; }

  private:
    void arrive() {
        now_ += std::chrono::microseconds(1);
        Arrival arrival;
        arrival.id = RequestId{++last_};
        arrival.revision = revision_;
        arrival.bytes = 1000;
        if (size_.sessions > 0) {
            const PodId pod{random_() % size_.sessions % size_.pods + 1};
            arrival.pinned = pod;
            scheduler_.note_session(pod, now_ + std::chrono::minutes(30));
        }
        if (scheduler_.arrive(arrival, now_) != activator::Refusal::none) fail("refused");
        drain();
    }

    void drain() {
        for (const Action& action : scheduler_.actions()) {
            if (action.kind == Action::Kind::expire) fail("expired");
            if (action.kind != Action::Kind::assign) continue;
            running_.push_back(action.request);
            ++assigned_;
        }
        scheduler_.clear_actions();
        // Pinned lines run dry now and then; a pod without work cannot finish any.
        if (running_.empty()) fail("nothing runs");
    }

    Size size_;
    Scheduler scheduler_;
    RevisionId revision_{1};
    Instant now_{};
    std::uint64_t last_ = 0;
    std::uint64_t assigned_ = 0;
    std::deque<RequestId> running_;
    std::mt19937_64 random_{1};
};

void measure(const Size& size, std::uint64_t decisions) {
    Rig rig(size);
    for (std::uint64_t n = 0; n < decisions / 10; ++n)
        rig.decide();
    const std::uint64_t before = rig.assigned();
    const std::int64_t begun = now_ns();
    for (std::uint64_t n = 0; n < decisions; ++n)
        rig.decide();
    const auto took = static_cast<double>(now_ns() - begun);
    std::printf(
        "{\"pods\": %llu, \"waiting\": %llu, \"sessions\": %llu, \"ns_per_decision\": %.1f, "
        "\"assigned\": %llu}\n",
        static_cast<unsigned long long>(size.pods), static_cast<unsigned long long>(size.waiting),
        static_cast<unsigned long long>(size.sessions), took / static_cast<double>(decisions),
        static_cast<unsigned long long>(rig.assigned() - before));
    std::fflush(stdout);
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
    CLI::App app{"Cost of a scheduling decision"};
    std::uint64_t decisions = 200'000;
    app.add_option("--decisions", decisions, "measured per size");
    CLI11_PARSE(app, argc, argv);
    using bench::Size;
    for (const Size& size :
         {Size{10, 0, 0}, Size{100, 0, 0}, Size{1'000, 0, 0}, Size{10'000, 0, 0},
          Size{1'000, 1'000, 0}, Size{1'000, 100'000, 0}, Size{1'000, 1'000'000, 0},
          Size{10'000, 1'000'000, 0}, Size{1'000, 1'000, 1'000}, Size{1'000, 1'000, 100'000},
          Size{10'000, 1'000'000, 100'000}}) {
        bench::measure(size, decisions);
    }
}
