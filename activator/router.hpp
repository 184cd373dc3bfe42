// The shell of the scheduler: it feeds events in, carries actions out, owns the one timer, and
// keeps the names and addresses that the core does not need. All decisions are the core's.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "activator/core/scheduler.hpp"
#include "activator/revision.hpp"
#include "activator/session_cookie.hpp"
#include "common/async/signal.hpp"
#include "common/core/request_stats.hpp"
#include "common/core/time_integral.hpp"
#include "common/http/head.hpp"
#include "common/net/address.hpp"
#include "common/time/time_source.hpp"

namespace activator {

// A slot that a pod's queue-proxy keeps for us: which reservation of which slot stream it was.
struct SlotGrant {
    PodId pod;
    std::uint64_t stream = 0;  // its number at the queue-proxy
    std::uint32_t number = 0;
};

// Whoever leaves reservations at busy pods for the router (slot_streams).
class Reservations {
  public:
    virtual ~Reservations() = default;
    // The pod refused a request as busy: leave reservations there for as long as the router's
    // wanted() says, after reservation_open(), or answer reservation_lost(). Neither these nor any
    // other call of the router from inside.
    virtual void reserve(PodId pod) = 0;
    // What is wanted may have changed. Comes often.
    virtual void changed() = 0;
    // The request that had it ended before it was sent.
    virtual void give_back(const SlotGrant& grant) = 0;
};

// A request's stand in the scheduler, owned by the coroutine that serves it.
struct Ticket {
    enum class State : std::uint8_t {
        fresh,
        waiting,
        assigned,
        expired,
        turned_away,
        cancelled,
        ended
    };

    explicit Ticket(common::LoopExecutor executor) : woken(executor) {}

    RequestId id;
    RevisionId revision;
    State state = State::fresh;
    bool control = false;
    ModelKey model = any_model;
    // The session's key where a header names it (sluice.dev/affinity-header).
    std::optional<std::uint64_t> key;
    // What it asks for, for the page; lives as long as the ticket.
    const common::RequestHead* head = nullptr;
    std::optional<PodId> pinned;  // where its session was when it came
    PodId pod;                    // assigned
    // Assigned, until it is sent: with this slot.
    std::optional<SlotGrant> grant;
    ExpiryCause cause{};  // expired
    Instant arrived{};
    // All its waits together, up to the last assignment or expiry.
    Duration waited_cold{};    // no pod was ready
    Duration waited_queued{};  // pods were ready, but busy
    common::Signal woken;      // state changed, or whatever else its owner uses it for
};

struct Pod {
    PodId id;
    RevisionId revision;
    std::string name;
    common::Address address;  // its queue-proxy
    PodTag tag = 0;
    std::uint64_t name_hash = 0;  // for affinity_hash
};

// What the slots of a revision's pods were used for, in slot-seconds: on pods with one GPU and one
// slot, GPU-seconds.
struct SlotAccount {
    double busy = 0;
    double held = 0;  // by requests whose clients are gone
    double idle = 0;  // free, on pods that could be given requests; 0 without a limit
    std::size_t held_now = 0;
};

class Router {
  public:
    // Told from the event loop, once per turn however many requests asked for it: requests of the
    // revision wait and no slot is free.
    using OnWake = std::function<void(RevisionId)>;
    // A pod could not be reached, or broke off: it should be probed before it is trusted again.
    using OnUnreachable = std::function<void(PodId)>;

    Router(common::TimeSource& time, boost::asio::any_io_executor executor, const Limits& limits);
    ~Router();

    // --- Revisions and pods.
    RevisionId add_revision(Revision revision);
    void remove_revision(RevisionId id);
    // Every revision is removed; the router's timer runs no more, so that the event loop can end.
    void close();
    // New knobs and limits for a revision that stays; its names do not change. Requests that run
    // keep what they began with. REQUIRES: the revision exists.
    void update_revision(RevisionId id, Revision revision);
    // Null if unknown. Outlives the removal for whoever holds it.
    std::shared_ptr<const Revision> revision(RevisionId id) const;
    std::vector<RevisionId> revisions() const;
    // A pod that left and comes back under its name and address while requests of its first time
    // still run there is the same pod, with the slots that these hold (issue 4 point 4).
    PodId add_pod(RevisionId revision, std::string name, common::Address address);
    void set_pod_ready(PodId id, bool ready);
    void drain_pod(PodId id);
    void remove_pod(PodId id);
    const Pod* pod(PodId id) const;
    std::vector<const Pod*> pods(RevisionId revision) const;
    // The pod that a session belongs to, if it is still there.
    std::optional<PodId> find_pod(RevisionId revision, PodTag tag) const;
    void note_session(PodId id, Duration lives_for);
    // False for a pod that is gone or draining: its sessions move with their next request.
    bool keeps_sessions(PodId id) const;
    // The pod that a header-named session belongs to: where a request of it is now, or else by hash
    // and load (core/affinity_hash). Empty: no pod is ready.
    std::optional<PodId> pod_of_key(RevisionId revision, std::uint64_t key) const;

    // --- Requests.
    // Puts a fresh ticket in line; its `woken` tells of changes. Not `none`: refused, and the
    // ticket has ended.
    Refusal arrive(Ticket& ticket, std::optional<PodId> pinned, std::size_t bytes);
    // The client left while the ticket waited. False: it is assigned already.
    bool abandon(Ticket& ticket);
    // The assigned ticket's exchange ended. After refused or unreachable it waits again (or has
    // expired, if its revision is gone); after done or failed it has ended.
    void finish(Ticket& ticket, Outcome outcome);
    // It may run again on another pod, and waits for that at its old place.
    void requeue(Ticket& ticket);
    // Somebody took a waiting request out of the line (the page's button). False: it does not wait.
    bool cancel(RequestId id);
    // This process ends: nobody waits any more. Tickets that wait are turned away, now and later;
    // requests that are with a pod, or find one free, go on.
    void stop_waiting();
    // The ticket's owner goes away while the pod may still be at work. The slot stays taken until
    // finish_detached.
    struct Detached {
        RequestId id;
        RevisionId revision;
        bool control = false;
        std::optional<std::uint64_t> key;
    };
    Detached detach(Ticket& ticket);
    void finish_detached(Detached detached);
    // Memory for bodies that are kept to be sent again, in the same bound as the waiting requests
    // (sluice.dev/queue-bytes); at most half of it, so that there is always room to wait. False:
    // there is none left.
    bool take_replay_bytes(std::size_t bytes);
    void return_replay_bytes(std::size_t bytes);
    // More than half of it is taken: a body should stay where it is until it is sent.
    bool replay_bytes_short() const { return replay_bytes_ > replay_bytes_max_ / 2; }

    // --- Reservations (core/scheduler.hpp, "reserved"). Without somebody who leaves them, a pod
    // that refused a request backs off.
    void leave_reservations_with(Reservations* reservations) { reservations_ = reservations; }
    std::optional<Instant> wanted(PodId id) const { return scheduler_.wanted(id); }
    // A queue-proxy keeps a slot. False: it is of no use here; give it back.
    bool grant(const SlotGrant& grant);
    void reservation_open(PodId id);
    void reservation_lost(PodId id);

    // --- For the autoscaler and the pages.
    // Average concurrency (waiting and running, control lane excluded) and arrivals since the last
    // call.
    common::RequestStats::Report report(RevisionId id);
    RevisionView view(RevisionId id) const { return scheduler_.revision(id); }
    std::optional<PodView> pod_view(PodId id) const { return scheduler_.pod(id); }
    std::vector<PodId> idle_pods(RevisionId id, std::size_t count) const;
    // The requests that wait, control lane excluded, oldest first: `count` of them after `skip`.
    // O(all requests here): for the page, not for the request path. Valid until the next call.
    std::vector<const Ticket*> waiting(RevisionId id, std::size_t skip, std::size_t count) const;
    // Requests that are at pods and whose clients are there.
    std::vector<const Ticket*> running(RevisionId id) const;
    SlotAccount slot_account(RevisionId id) const;
    // Since when requests find no free slot; empty once a pod has become ready after that.
    std::optional<Instant> short_of_pods_since(RevisionId id) const;

    void on_wake(OnWake callback) { on_wake_ = std::move(callback); }
    // A request that counts (none of the control lane) is about to be counted in report().
    void on_arrival(std::function<void(RevisionId)> callback) { on_arrival_ = std::move(callback); }
    void on_unreachable(OnUnreachable callback) { on_unreachable_ = std::move(callback); }

  private:
    // A header-named session with requests under way; control requests follow it.
    struct LiveKey {
        std::optional<PodId> pod;
        std::size_t requests = 0;
    };
    struct Known {
        Known(Revision r, Instant now)
            : revision(std::make_shared<const Revision>(std::move(r))), stats(now) {}
        std::shared_ptr<const Revision> revision;
        common::RequestStats stats;
        std::vector<PodId> pods;  // ascending
        std::unordered_map<PodTag, PodId> by_tag;
        std::unordered_map<std::uint64_t, LiveKey> live_keys;
        common::TimeIntegral held;
        std::optional<Instant> short_since;
        bool wake_told = false;
    };

    std::optional<PodId> returning_pod(const Pod& pod);
    void carry_out();
    void carry_out(const Action& action);
    void give_back_unsent(Ticket& ticket);
    void turn_away_waiting();
    void note_held(const Detached& held, int change);
    void note_assigned(const Ticket& ticket);
    void wake(RevisionId id);
    void count_in(const Ticket& ticket, std::optional<PodId> pinned);
    void count_out(const Detached& ended);
    static Detached as_detached(const Ticket& ticket);
    void arm();

    common::TimeSource& time_;
    boost::asio::any_io_executor executor_;
    std::size_t replay_bytes_max_;
    std::size_t replay_bytes_ = 0;
    Scheduler scheduler_;
    std::unique_ptr<common::Timer> timer_;
    Instant armed_for_ = Instant::max();
    std::map<RevisionId, Known> revisions_;
    std::map<PodId, Pod> pods_;
    std::map<PodId, Pod> departed_;  // removed, but the scheduler knows of requests there
    std::unordered_map<RequestId, Ticket*> tickets_;
    std::vector<Action> batch_;
    Reservations* reservations_ = nullptr;
    std::optional<SlotGrant> granted_;  // during grant()
    OnWake on_wake_;
    OnUnreachable on_unreachable_;
    std::function<void(RevisionId)> on_arrival_;
    std::uint64_t last_id_ = 0;
    bool stopped_waiting_ = false;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace activator
