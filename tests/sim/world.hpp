// A simulated world around 1 to 4 activators: clients that come in bursts, lose patience and leave;
// pods that truly enforce their limit (the queue-proxy's own admission), start slowly, crash,
// vanish into a black hole, flap, drain, leave and return; activators that die or stand still for a
// while; slot streams whose messages are late, or lost with either end; news of pods that arrives
// late; reports that arrive late or twice; capacity changes while requests wait. One seed decides
// everything; arrivals, service times, the network and faults draw from separate streams.
//
// Beyond each ledger's invariants, of the world as a whole: no pod works on more than its limit; no
// request runs twice without having been reported lost; and no slot is idle for long while any
// activator has a request that it would send there for the asking (world.cpp, idle_bound).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <set>
#include <tuple>
#include <vector>

#include "activator/core/slot_want.hpp"
#include "common/core/rng.hpp"
#include "proxy/core/slot_claim.hpp"
#include "tests/sim/ledger.hpp"

namespace sim {

// What kind of world this seed makes.
struct Scenario {
    explicit Scenario(common::Rng rng);

    RevisionPolicy policy;
    Limits limits;
    std::uint64_t activators = 1;
    std::uint64_t pods = 3;
    double service_median_s = 0.1;
    double service_sigma = 0.5;
    double arrival_mean_s = 0.05;
    double fault_mean_s = 1.0;
    double abandons = 0.2;
    double pinned = 0.3;
    double controls = 0.1;
    std::uint64_t models = 0;  // that requests name; 0: they name none
};

class World {
  public:
    explicit World(std::uint64_t seed);

    // Lives through `events` events, then lets everything come to rest. Throws std::logic_error at
    // the first broken invariant.
    void run(std::uint64_t events);
    const Trace& trace() const { return trace_; }
    std::uint64_t events() const { return events_; }
    // `lost`: they were with an activator that died.
    struct Totals : Ledger::Totals {
        std::uint64_t lost = 0;
        std::uint64_t lapsed = 0;  // reservations and grants
    };
    Totals totals() const;

  private:
    struct Job {
        std::uint64_t activator;
        std::uint64_t life;  // of the activator
        RequestId request;
        bool control;
        std::uint64_t number;
    };
    // A pod as it truly is.
    struct Pod {
        bool up = false;
        bool black_hole = false;
        bool leaving = false;
        std::uint32_t limit = 0;
        std::unique_ptr<proxy::Admission> admission;  // while it is up
        Instant timer = Instant::max();
        Instant idle_since = Instant::max();  // while somebody wants a slot
        std::vector<Job> jobs;
        std::uint32_t counted() const;
    };
    // A slot stream between an activator and a pod. Messages of each direction come in order.
    struct Link {
        std::uint32_t number;
        std::uint64_t activator;
        PodId pod;
        SlotWant want;
        proxy::SlotClaim claim;
        bool activator_end = true;  // open, as far as it knows
        bool pod_end = true;
        Instant last_to_pod{};
        Instant last_to_activator{};
    };
    struct Event {
        Instant at;
        std::uint64_t number;
        std::function<void()> happen;
        bool operator<(const Event& other) const {
            return at != other.at ? at > other.at : number > other.number;
        }
    };
    struct Activator {
        std::unique_ptr<Ledger> ledger;
        Instant timer = Instant::max();
        std::map<PodId, Instant> last_news;
        std::set<PodId> probing;
        std::uint64_t next_request = 1;
        std::uint64_t life = 0;  // how often it has died
        Instant stands_still_until{};
        std::map<PodId, std::uint32_t> links;  // its ends that are open
        std::set<PodId> opening;
    };

    void after(double seconds, std::function<void()> happen);
    void at(Instant when, std::function<void()> happen);
    // As after(), for what an activator does or hears: nothing if it has died meanwhile, and later
    // if it stands still.
    void after_at(std::uint64_t activator, double seconds, std::function<void()> happen);
    void happen_at(std::uint64_t activator, std::uint64_t life, std::function<void()> happen);
    bool step();
    void check_idle(PodId id, Pod& pod);
    void fault(const char* what, PodId pod, std::uint64_t detail = 0);

    void client_arrives();
    void one_request(std::uint64_t activator);
    // Sends what the activator decided and re-arms its timer. After every call to a ledger.
    void follow_up(std::uint64_t activator);
    void arm_timer(std::uint64_t activator);
    void reach_pod(std::uint64_t activator, std::uint64_t life, const Assignment& assignment,
                   std::uint32_t link);
    void start_job(PodId id, const Job& job);
    void job_ends(PodId pod, std::uint64_t number);
    void report(const Job& job, Outcome outcome);
    void report_once(const Job& job, Outcome outcome, double delay);

    // --- links.cpp
    void open_link(std::uint64_t activator, PodId pod);
    void renew_link(std::uint32_t number);
    void follow_links(std::uint64_t activator);
    void follow_link(Link& link);
    void to_pod(Link& link, const SlotMessage& message);
    void arrive_at_pod(std::uint32_t number, const SlotMessage& message);
    void to_activator(Link& link, const SlotMessage& message);
    void arrive_at_activator(std::uint32_t number, const SlotMessage& message);
    // What the pod's admission decided goes out; its timer is armed.
    void follow_pod(PodId id);
    void close_activator_end(std::uint32_t number);
    void close_pod_end(std::uint32_t number);
    // Both ends hear of it, each after its time.
    void break_link(Link& link, double longest_s);
    void break_links(PodId pod, double longest_s);
    double message_delay_s();

    void next_fault();
    void start_pod();
    void crash(PodId id);
    void restart(PodId id, double seconds);
    void black_hole(PodId id);
    void stand_still(std::uint64_t activator);
    void kill_activator(std::uint64_t activator);
    void make_activator(std::uint64_t activator);
    void flap(PodId id);
    void drain(PodId id);
    void vanish_and_return(PodId id);
    void change_capacity();
    void burst();
    void probe(std::uint64_t activator, PodId id);
    // Tells every activator, each after its own lag, in order per pod.
    void tell(PodId id, const std::function<void(Ledger&, Instant)>& news);
    std::optional<PodId> living_pod();
    void come_to_rest();

    common::Rng root_;
    common::Rng arrivals_;
    common::Rng services_;
    common::Rng network_;
    common::Rng faults_;
    Scenario scenario_;
    Trace trace_;
    Instant now_{std::chrono::hours(1)};
    std::priority_queue<Event> queue_;
    std::uint64_t event_numbers_ = 0;
    std::uint64_t events_ = 0;
    std::uint64_t job_numbers_ = 0;
    std::uint64_t next_pod_ = 1;
    bool quiet_ = false;
    std::uint32_t true_limit_;
    std::vector<Activator> activators_;
    std::map<PodId, Pod> pods_;
    std::map<std::uint32_t, Link> links_;  // by number, which no other one ever has
    std::uint32_t next_link_ = 1;
    std::set<std::tuple<std::uint64_t, std::uint64_t, RequestId>> started_;
    Totals past_;  // of activators that have died
};

}  // namespace sim
