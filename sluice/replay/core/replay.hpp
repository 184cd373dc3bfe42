// A trace's way through a service in virtual time: requests arrive, pods start, run them, and go,
// as `sluice up` would have it. The decisions are those of activator::Scheduler and
// autoscaler::RevisionScaler themselves; what is imitated here is the world around them (clients,
// cookies, pods that take their time) and the driving of both (sluice/service_runner.hpp).
//
// Events that fall on one moment happen in this order: requests end, pods become ready, clients
// leave, waits end, the autoscaler's second, arrivals. Everything is an integer of nanoseconds and
// nothing depends on the order of a hash table, so that one input gives one result.
// Memory: requests under way, living sessions, pods. O(log) per event.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "autoscaler/revision_scaler.hpp"
#include "common/core/request_stats.hpp"
#include "sluice/replay/core/dispatcher.hpp"
#include "sluice/replay/core/figures.hpp"
#include "sluice/replay/core/ideal_fifo.hpp"
#include "sluice/replay/core/session_table.hpp"
#include "sluice/replay/core/setup.hpp"
#include "sluice/replay/core/trace_row.hpp"

namespace sluice::replay {

class Replay {
  public:
    explicit Replay(const Setup& setup);

    // Rows come in order of arrival.
    void arrive(const TraceRow& row);
    // After the last row: until all requests have ended.
    void finish();
    // Complete after finish().
    const Figures& figures() const { return figures_; }

    // The trace's first moment.
    static constexpr Instant begin{std::chrono::hours(1)};

  private:
    struct Job {
        TraceRow row;
        Instant arrived{};
        std::optional<PodId> pinned;
        bool running = false;
        bool departed = false;
        PodId pod;
        Instant started{};  // of its pod's work for it
        Duration load{};
        Instant ends{};
        Instant departed_at{};
    };
    struct Pod {
        Instant since{};
        Instant ready_at{};
        bool ready = false;
        bool removed = false;
        activator::ModelKey model = activator::any_model;
        std::uint32_t jobs = 0;
        Instant occupied_since{};
        // When the application has done what nobody waits for any more (Departure::free).
        Instant app_free_at{};
    };
    enum class Kind : std::uint8_t {
        job_ends,
        pod_ready,
        client_leaves,
        run_times_out,
        slot_freed
    };
    struct Event {
        Instant at;
        Kind kind;
        std::uint64_t number;
        std::uint64_t id;
        friend auto operator<=>(const Event&, const Event&) = default;
    };

    void arrive_ideal(const TraceRow& row, Instant now);
    void advance(Instant until);
    Instant next_event() const;
    void step(Instant now);
    void happen(const Event& event);
    void push(Instant at, Kind kind, std::uint64_t id);
    Event pop();
    void drop_stale();

    void carry_out();
    void start(RequestId id, PodId pod);
    void expire(RequestId id);
    void job_ends(RequestId id);
    void client_leaves(RequestId id, bool timed_out);
    void leave_running(RequestId id);
    void answered(const Job& job);
    void release(RequestId id, const Job& job, Instant worked_until);

    void every_second();
    void on_wake();
    void apply(const autoscaler::Decision& decision);
    void reconcile();
    autoscaler::PodCounts counts() const;
    void start_pod(bool at_once);
    void pod_ready(PodId id);
    void remove_pod(PodId id);
    void forget_pod(PodId id);
    bool one_at_a_time() const { return setup_.scheduling.concurrency == 1; }
    void note_level();
    void sum_up();

    Setup setup_;
    Figures figures_;
    Instant now_ = begin;
    std::optional<IdealFifo> ideal_;
    std::unique_ptr<Dispatcher> dispatcher_;
    std::optional<autoscaler::RevisionScaler> scaler_;
    common::RequestStats stats_;
    SessionTable sessions_;
    std::unordered_map<RequestId, Job> jobs_;
    std::map<PodId, Pod> pods_;
    std::vector<Event> events_;     // a heap, the earliest first
    std::size_t events_stale_ = 0;  // ends of jobs whose pod works on after they ended
    std::uint64_t events_pushed_ = 0;
    std::uint64_t last_request_ = 0;
    std::uint64_t last_pod_ = 0;
    std::size_t alive_ = 0;  // pods not removed
    std::uint32_t ready_ = 0;
    Instant next_second_ = Instant::max();
    std::uint64_t seconds_ = 0;
    autoscaler::PodCount desired_ = 0;
    bool wake_ = false;

    // Seconds of pods.
    double existed_ = 0;
    double starting_ = 0;
    double occupied_ = 0;  // with at least one job
    // Seconds of jobs.
    double job_loading_ = 0;
    double job_busy_ = 0;
    double job_held_ = 0;
};

}  // namespace sluice::replay
