// Which waiting request goes to which pod, now? One class, one answer, no clock, no I/O.
//
// The scheduler owns, per revision, the requests that wait, the pods with their slots, and nothing
// else. Every method takes `now`; what must happen is appended to actions(), which the caller
// drains after each call (so there is no re-entrancy). The grant of a request and the taking of a
// slot are one transition: no second counter exists that could disagree. The activator, the
// simulator and `sluice replay` drive this same class.
//
// Rules (architecture.md, "The scheduler"; issue 4):
//  - late binding: a request is bound to a pod at the moment a slot is free, never before;
//  - oldest first over the shared queue and the pod's pinned queue; age is the order of arrival,
//    and a request that comes back (refused, provably not started) keeps its place;
//  - among pods with a free slot: fewest in flight, then oldest (least PodId);
//  - a pinned request waits for its pod up to the revision's patience, then joins the shared queue
//    at its place; a pod that leaves or drains releases its pinned requests in the same way;
//  - a request that names a model (issue 9) prefers a pod that holds it, then the pod whose own
//    model is worth the least (model_pods.hpp); once its patience for its pinned pod is over, that
//    pod is preferred only among those that hold the model;
//  - a freed or granted slot goes to the oldest of those who may have it; but if its pod holds a
//    model that this one does not want, to the oldest who wants that model, as long as the
//    passed-over one has been here for less than a patience that grows with the backlog
//    (model_patience.hpp). Where no request names a model nothing of this happens. What a pod holds
//    is known from the requests that this scheduler sent there, and from no others;
//  - capacity is counted per pod; a pod that leaves takes only its own slots along, its running
//    requests end in their own time; a pod that returns is busy until those have ended;
//  - a pod that refused a request as busy (another activator's request has its slot) is `reserved`:
//    a reservation is left at its queue-proxy, and the pod gets nothing until that grants a slot to
//    us; then the oldest that may run there goes (or one that passes it, as above), once for each
//    grant. A request of our own that ends there frees nothing for us: the queue-proxy gives the
//    slot to the oldest reservation of all activators. So the order of arrival holds over all of
//    them, but for those who pass others for their model. When nobody waits any more
//    who may run there, and the first back-off time has passed since it refused (it would else be
//    tried again by the very request that it refused), it is an ordinary pod again. While the way
//    for reservations stays open, the pod is known to be contested: requests that wait have a
//    reservation there even while all its slots are ours, and a slot that falls free makes it
//    reserved again, without another refusal;
//  - two wait budgets: cold start (no pod of the revision is ready and staying) and queue (there is
//    one, but no free slot). Time spent in one, or running, does not count against the other.
// A decision costs O(log pods + log waiting); no method on a request's way visits every waiter.
//
// Not here: bodies, sockets, cookies (the caller translates a cookie to a PodId), autoscaling (the
// caller reads concurrency() and feeds the autoscaler).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "activator/core/model_key.hpp"
#include "common/core/ids.hpp"
#include "common/core/time.hpp"

namespace activator {

using common::Duration;
using common::Instant;
using common::PodId;
using common::RequestId;
using common::RevisionId;

// What a revision's owner decided. Changing it (set_policy) applies to requests that already wait.
struct RevisionPolicy {
    // Requests a pod runs at once; 0 = unlimited (containerConcurrency).
    std::uint32_t concurrency = 1;
    // Requests that may wait at once; one more is refused (sluice.dev/queue-limit).
    std::size_t queue_limit = 10'000;
    // Longest wait while no pod is ready (sluice.dev/cold-start-timeout).
    Duration cold_start_timeout = std::chrono::seconds(600);
    // Longest wait while pods are ready but busy (sluice.dev/queue-timeout).
    Duration queue_timeout = std::chrono::seconds(300);
    // How long a pinned request waits for its pod (sluice.dev/affinity-patience). Unset = as long
    // as the pod lives; but a request that names its model does not wait for a pod.
    std::optional<Duration> affinity_patience;
    // How long a request may be passed over by younger ones that want the model which a freed pod
    // holds; unset = grows with the backlog (sluice.dev/model-patience, model_patience.hpp).
    std::optional<Duration> model_patience;
    // A pod that refused or failed is not chosen for this long, doubled on each failure in a row up
    // to the maximum.
    Duration backoff_first = std::chrono::milliseconds(50);
    Duration backoff_max = std::chrono::seconds(5);
};

struct Limits {
    // Sum of Arrival::bytes that may wait over all revisions; a request over it is refused
    // (sluice.dev/queue-bytes).
    std::size_t queue_bytes = std::size_t{64} << 20;
};

struct Arrival {
    RequestId id;
    RevisionId revision;
    // The pod that the client's session is pinned to. A pod that is unknown or leaving counts as
    // none.
    std::optional<PodId> pinned;
    // Bytes held in memory on behalf of this request while it waits.
    std::size_t bytes = 0;
    // A control-lane request (progress, interrupt, assets) takes no slot: it goes at once to its
    // pinned pod if that is ready (draining or not), else to the least loaded ready pod, and waits
    // only while there is none. A pod counts as not ready for it while it backs off after it was
    // unreachable, failed, or refused a control request.
    bool control = false;
    // The model it wants (sluice.dev/model-key); of no meaning for a control request.
    ModelKey model = any_model;
};

enum class Refusal : std::uint8_t { none, queue_full, bytes_full, unknown_revision };
enum class ExpiryCause : std::uint8_t { cold_start_timeout, queue_timeout, revision_removed };

enum class Outcome : std::uint8_t {
    done,         // the pod ended it, well or not; the slot is free. Ends the pod's back-off (a
                  // control request's end: only one that also held back control requests)
    refused,      // provably not started: the pod was full; the request has its place back, the
                  // pod is reserved (a control request: backs off)
    unreachable,  // provably not started: no connection; as refused, and the pod counts as failing
    failed        // may have started, and the pod broke (app died, connection lost): the slot is
                  // free, the request is forgotten, and the pod counts as failing
};

struct Action {
    enum class Kind : std::uint8_t {
        assign,  // send `request` to `pod`; its slot is taken (unless it is a control request)
        expire,  // answer 504 for `cause`; the request is forgotten
        wake,  // a request of `revision` waits and no slot is free: the autoscaler should look now
        reserve  // `pod` is reserved from now on: leave a reservation there whenever wanted() says
                 // so (reservation_open(), once), or say reservation_lost()
    };
    Kind kind;
    ExpiryCause cause;  // expire only
    RequestId request;  // assign, expire
    PodId pod;          // assign, reserve
    RevisionId revision;
    // assign, expire: how long the request has waited in each state, all its waits together.
    Duration waited_cold{};
    Duration waited_queued{};
    bool granted = false;  // assign: with the slot that grant() told of
};

// How a pod stands, for scale-in decisions, metrics and the page.
struct PodView {
    PodId id;
    std::uint32_t in_flight = 0;     // slots taken, those held for departed clients included
    std::uint32_t controls = 0;      // control-lane requests running
    std::size_t pinned_waiting = 0;  // requests that wait for this pod and no other
    bool ready = false;
    bool draining = false;
    bool backing_off = false;
    bool reserved = false;
    ModelKey model = any_model;     // of the last request it got that named one
    bool leaving = false;           // removed from discovery; listed until its last request ends
    Instant sessions_live_until{};  // latest expiry of a session pinned here (see note_session)
    Instant idle_since{};           // when in_flight last became 0; REQUIRES in_flight == 0
};

struct RevisionView {
    std::size_t waiting = 0;   // queued, control excluded
    std::size_t running = 0;   // slots taken on all pods, leaving ones included
    std::size_t controls = 0;  // control-lane requests, waiting or running
    std::size_t bytes_waiting = 0;
    std::size_t pods_ready = 0;
    std::size_t slots_free =
        0;  // on ready pods of good standing that do not drain; SIZE_MAX if unlimited
};

// Slot-seconds of a revision since it was added. Idle: free slots of pods that could be given
// requests; 0 without a limit.
struct SlotSeconds {
    double running = 0;  // those held for departed clients included
    double idle = 0;
};

class Scheduler {
  public:
    explicit Scheduler(const Limits& limits);
    ~Scheduler();
    Scheduler(const Scheduler&) = delete;
    Scheduler& operator=(const Scheduler&) = delete;

    // --- Revisions. REQUIRES: ids are not reused; the revision exists for set_policy and add_pod.
    void add_revision(RevisionId id, const RevisionPolicy& policy, Instant now);
    void set_policy(RevisionId id, const RevisionPolicy& policy, Instant now);
    // Waiting requests expire with revision_removed; running ones end in their own time. Its pods
    // are removed with it, as by remove_pod().
    void remove_revision(RevisionId id, Instant now);

    // Memory that the caller holds for requests which run (bodies kept for a second try), in the
    // same bound as Arrival::bytes.
    void set_bytes_elsewhere(std::size_t bytes);

    // --- Requests. `now` never goes backwards over all calls.
    // Queues the request (and assigns it in the same call if a slot is free). Anything but `none`
    // means that the request was not taken and must be answered 503. REQUIRES: the id is new.
    Refusal arrive(const Arrival& arrival, Instant now);
    // The client of a *waiting* request left. Unknown or already assigned ids are ignored (returns
    // false): the assignment won the race and ends with finish(). True for every request that
    // waited by the actions of the calls before, however late this one is.
    bool abandon(RequestId id, Instant now);
    // An *assigned* request came to its end. Unknown ids are ignored (returns false): a late or
    // duplicate report. After refused/unreachable the request waits again at its place, unless its
    // revision is gone (then: expire).
    bool finish(RequestId id, Outcome outcome, Instant now);
    // The request's pod was lost under it and it shall run again (retry-on-pod-loss): it goes back
    // to its place, its pin is dropped if it was to this pod, and the pod counts as failing as
    // after finish(failed), so that another pod gets it unless this one is probed back in first.
    bool requeue(RequestId id, Instant now);

    // --- Pods.
    // A pod exists but is not ready. REQUIRES: the id is new, or belongs to a pod of this revision
    // that was removed (it returns, busy with whatever it had not finished).
    void add_pod(RevisionId revision, PodId id, Instant now);
    // The next three ignore a pod that is unknown or already removed (late news).
    // Ready: may be given requests, and a back-off ends at once (a probe found it good; of slots a
    // probe knows nothing, so a reserved pod stays so). Not ready: gets none; pinned requests keep
    // waiting for it.
    void set_pod_ready(PodId id, bool ready, Instant now);
    // No new requests of any kind but control; its pinned requests join the shared queue.
    void drain_pod(PodId id, Instant now);
    // Gone from discovery. Running requests stay accounted to it until finish().
    void remove_pod(PodId id, Instant now);
    // The pod's queue-proxy keeps a slot for us. Assigns the oldest request that may run there (or
    // a younger one that passes it for the model that the pod was last given here, as for any freed
    // slot), even if all slots that we know of are taken (the news that one of ours ended comes on
    // another way). False: nobody waits who may run there, or the pod is to be given nothing; the
    // caller gives the slot back.
    bool grant(PodId id, Instant now);
    // Reservations can be left at the pod from now on, without any delay but the message's.
    void reservation_open(PodId id, Instant now);
    // No reservations can be left at the pod (any more). If it is reserved, it backs off instead:
    // backoff_first, doubled each time until a request ends well there.
    void reservation_lost(PodId id, Instant now);
    // A session pinned to the pod lives until `until` (extends only). Unknown pods are ignored.
    void note_session(PodId id, Instant until);

    // --- Time.
    // Expires budgets, moves pinned requests whose patience ended, ends back-offs. Every method
    // that takes `now` does this first, so that a late tick() never lets a request be assigned
    // after its deadline; any call may therefore append expire and assign actions of others.
    void tick(Instant now);
    // When tick() has something to do next; Instant::max() if never.
    Instant next_deadline() const;

    // --- Results and views.
    std::span<const Action> actions() const;
    void clear_actions();
    RevisionView revision(RevisionId id) const;
    std::optional<PodView> pod(PodId id) const;
    // Whether a reservation is to be left at this (reserved or contested) pod now: since when the
    // oldest request that may run there has been under way; empty: there is none, or the pod is not
    // to be given any. Models do not count: whoever passes the oldest takes its turn among all
    // activators, and jumps no line but this one's own. O(1).
    std::optional<Instant> wanted(PodId id) const;
    // REQUIRES: `now` as in the methods that take it.
    SlotSeconds slot_seconds(RevisionId id, Instant now) const;
    // Requests ahead of `id` in its revision's waiting line (0 = next); empty if it does not wait.
    // O(n) allowed: for the page, not for the request path.
    std::optional<std::size_t> position(RequestId id) const;
    // Up to `count` pods that may be removed now to scale in: ready or not, idle, nothing pinned
    // waiting, not draining. Pods that are not ready come first, then pods without live sessions,
    // then newest first. Appends to `out` nothing but pods of `revision`; returns how many were
    // found.
    std::size_t idle_pods(RevisionId revision, std::size_t count, Instant now,
                          std::span<PodId> out) const;
    // Recomputes every invariant from scratch and CHECKs it (simulator and tests). O(everything).
    void check_invariants() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace activator
