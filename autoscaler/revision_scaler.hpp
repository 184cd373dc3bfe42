// How many pods should one revision have, right now? The whole autoscaler of a single process:
// reports go in, replica counts come out. Driven by `sluice up` and `sluice replay`.
//
// The frame is the stock pipeline with target-burst-capacity -1, where the activator is the only
// source of load (contract kpa.md 3.3): once a second a time-weighted average, a poke for the first
// request, every 2 s a decision (windows -> decider -> bounds -> way to zero). The caller goes on
// reporting zeros, else the averages stand still (kpa.md section 14, 6).
//
// Early scale-out (issue 2, point 6). The stock pipeline sees a burst only as far as its averages
// have risen: of five requests at once it sees one, and asks for the other pods seconds later. A
// request that finds no free slot is better evidence than any average. So demand() asks at once for
//     early = min(ceil(present concurrency / target), ceil(max-scale-up-rate x max(1, ready)))
// lifted to activation-scale and cut to max-scale. This is a total, in which pods that are ready
// and pods that are starting count alike, so asking twice for the same requests asks for nothing
// more; and the rate limit is based on ready pods only, so that repeating cannot compound it.
// demand() never lowers the count.
//
// A tick decides from averages that do not know of the burst yet, and would take the pods away
// again while they load. Panic prevents this only if the burst was large (2 x the ready pods). So
// the greatest early count of the last stable window is a floor:
//     replicas = bounds(max(decider, floor))
// One stable window is the right time: if the requests stay, the stable average equals the
// concurrency after exactly that time and carries on; if they are gone, the average would have kept
// the fraction above zero for as long (T08), and so the floor never outlives it by more than a
// tick. Every new request without a slot renews the floor. The decider is not told: its windows
// and its panic state are the stock ones. With one source of concurrency at most c neither term
// exceeds ceil(c / target): load_history.hpp sees to that for the averages.
//
// Rejected: feeding the present concurrency to the decider as a panic average. It would enter panic
// for every burst, and small bursts on many pods (5 requests on 4 pods) would still not hold.
//
// Scale to zero: after a stable window without load the revision becomes inactive, and after the
// grace period (and the retention period, if longer) the last pod goes. See apply_scale.
//
// `now` never goes backwards over all calls.
#pragma once

#include <optional>

#include "autoscaler/activity.hpp"
#include "autoscaler/decider.hpp"
#include "autoscaler/decision.hpp"
#include "autoscaler/demand_hold.hpp"
#include "autoscaler/load_history.hpp"
#include "autoscaler/scaling_policy.hpp"
#include "common/core/time.hpp"

namespace autoscaler {

// Since the previous report; common::RequestStats::report has these.
struct LoadReport {
    double concurrency = 0;  // time-weighted average, waiting requests included
    double requests = 0;     // arrivals
    double present = 0;      // now; only whether there are any counts
};

struct Demand {
    std::uint32_t concurrency = 0;  // requests running and waiting, the new one included
    std::uint32_t waiting = 0;      // of these, for the record
};

class RevisionScaler {
  public:
    // Deciders are asked this often (kpa.md section 1).
    static constexpr common::Duration tick_period = std::chrono::seconds(2);
    static constexpr common::Duration report_period = std::chrono::seconds(1);

    // Starts with the initial scale. target-burst-capacity counts as -1 whatever the policy says.
    RevisionScaler(const ScalingPolicy& policy, common::Instant created);

    // There are so many replicas already, and nothing is known of the load that they are there for
    // (another process decided until now): starts from that count, and keeps it for a stable
    // window, after which the averages know.
    void adopt(PodCount replicas, common::Instant now);

    // Every report_period, idle or not.
    void report(common::Instant now, const LoadReport& report);

    // A request arrived. Only the first one after an idle report does anything: it counts at once
    // as `concurrency`, and if the last decision was 0 pods a new one is made and returned.
    std::optional<Decision> poke(common::Instant now, double concurrency, PodCounts pods);

    // A request arrived and found no free slot. Never lowers the count.
    Decision demand(common::Instant now, const Demand& demand, PodCounts pods);

    // Every tick_period.
    Decision tick(common::Instant now, PodCounts pods);

    // Takes effect with the next decision; windows keep what they hold. The scale-down delay and
    // the aggregation stay as created (kpa.md section 6).
    void set_policy(const ScalingPolicy& policy, common::Instant now);

    // What the last decision said.
    PodCount replicas() const { return replicas_; }
    bool panicking() const { return decider_.panicking(); }
    Active active() const { return activity_.active(); }
    Averages averages(common::Instant now) const { return history_.averages(now); }
    const ScalingPolicy& policy() const { return policy_; }

  private:
    Decision decide(Trigger trigger, common::Instant now, PodCounts pods);
    // Runs bounds and the way to zero for `decision` and adopts the outcome.
    void settle(Decision& decision, bool may_lower);
    Decision begin(Trigger trigger, common::Instant now, PodCounts pods) const;
    PodCount early_count(const Demand& demand, PodCounts pods) const;

    ScalingPolicy policy_;
    common::Instant created_;
    LoadHistory history_;
    Decider decider_;
    DemandHold hold_;
    Activity activity_;
    PodCount replicas_;
    PodCount last_desired_ = unknown_count;
};

}  // namespace autoscaler
