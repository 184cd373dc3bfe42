// May this request enter the application now? The true limit: what is counted here is what the
// application is working on, not what a client still waits for.
//
// A slot is taken from the grant until release(), and nothing else frees it: a request whose client
// left or timed out is marked held() and keeps its slot until the application has ended it. Three
// kinds of things take slots: running requests, held ones, and grants (a slot kept for a short
// lease for an activator that left a reservation). Their sum never exceeds the limit.
//
// Who waits stands in one line ordered by request time: requests of stock callers (bounded,
// contract queue-proxy 3.6.4: 10 x limit) and reservations of our activators (late binding as in
// Sparrow, SOSP'13: the activator binds a request only when a slot is its own). A free slot while
// somebody waits does not exist between two calls. Nobody overtakes: an arrival takes a free slot
// only when the line is empty, which the former sentence already implies.
//
// Control-lane requests carry no slot; they have a count of their own and never wait.
//
// Every method takes `now`, which never goes backwards. What must happen is appended to actions();
// the caller drains it after each call. Not here: timers of requests (timeouts.hpp), statistics for
// the autoscaler, sockets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/core/ids.hpp"
#include "common/core/time.hpp"

namespace proxy {

using common::Duration;
using common::Instant;
using common::RequestId;
using ReservationId = common::Id<struct ReservationTag>;
using ActivatorId = common::Id<struct ActivatorTag>;  // 0 = not one of our activators

struct AdmissionLimits {
    // Slots; 0 = unlimited: everything is admitted, nothing waits.
    std::size_t concurrency = 0;
    // Requests that may wait, reservations not counted.
    std::size_t queue_depth = 0;
    // Control-lane requests that may run at once (issue 3).
    std::size_t control = 100;
    // Reservations that may wait. Each slot stream has one at most, and streams are fewer
    // (slot_streams.hpp).
    std::size_t reservations = 1000;
    // How long a granted slot is kept for its activator (issue 4 point 7).
    Duration lease = std::chrono::seconds(1);

    // The limits of a revision (contract 3.6.4: 10 x CC waiting; CC < 1 means unlimited).
    static AdmissionLimits of_container_concurrency(std::int64_t concurrency);
};

enum class Lane : std::uint8_t { app, control };
enum class WhenFull : std::uint8_t {
    queue,  // stock: wait in line
    refuse  // Sluice-Try: be told at once
};

struct AdmissionRequest {
    RequestId id;
    Lane lane = Lane::app;
    WhenFull when_full = WhenFull::queue;
    // Takes the oldest grant of this activator, if it has one.
    ActivatorId activator{};
};

enum class Verdict : std::uint8_t {
    admitted,  // it has its slot; release() it
    queued,    // a `start` action will come; abandon() it if its client leaves first
    refused    // full: app lane 503 (queue full, or Sluice-Refused), control lane its own limit
};

struct Reservation {
    ReservationId id;
    ActivatorId activator;
    // When the request that it stands for arrived at the activator, on this machine's clock (the
    // caller subtracts the age that the activator reports). Later than now counts as now.
    Instant request_time{};
    // While it waits it is dropped at this time unless it is made again: an activator that died
    // must not be granted slots for ever.
    Instant expires = Instant::max();
};

enum class ReserveVerdict : std::uint8_t {
    granted,  // a slot is kept for the activator from now on
    waiting,  // a `grant` or `lapse` action will come
    refused   // too many reservations
};

struct AdmissionAction {
    enum class Kind : std::uint8_t {
        start,        // the queued `request` has its slot: run it
        grant,        // a slot is kept for `activator` (by `reservation`) until `until`
        lapse,        // `reservation` is gone, unused or expired
        hold_expired  // `request` was held as long as allowed: end it at the application, then
                      // release()
    };
    Kind kind;
    RequestId request;
    ReservationId reservation;
    ActivatorId activator;
    Instant until{};
};

struct AdmissionCounts {
    std::size_t running = 0;   // slots of live requests, held ones not included
    std::size_t held = 0;      // slots whose client is gone
    std::size_t granted = 0;   // slots kept for an activator
    std::size_t waiting = 0;   // requests in line
    std::size_t reserved = 0;  // reservations in line
    std::size_t control = 0;
};

// Slot-seconds since construction: on a pod with one slot, GPU-seconds.
struct SlotAccount {
    double busy = 0;
    double held = 0;
    double granted = 0;
    double idle = 0;     // always 0 without a limit
    double waiting = 0;  // request-seconds in line
};

class Admission {
  public:
    explicit Admission(const AdmissionLimits& limits, Instant now);

    // REQUIRES: the id is not known.
    Verdict arrive(const AdmissionRequest& request, Instant now);
    // A request that waits left. False if it does not wait (its grant won the race: release() it).
    bool abandon(RequestId id, Instant now);
    // The application ended an admitted request; its slot goes to the first in line in this call.
    // REQUIRES: the id was admitted and not released (row 29: anything else is a programming
    // error).
    void release(RequestId id, Instant now);
    // The client of a running request is gone; the slot stays taken. After `at_most` the action
    // hold_expired comes, once. No effect on a control-lane request or one that is held already.
    // REQUIRES: as release().
    void hold(RequestId id, Duration at_most, Instant now);

    // Puts a reservation in line; the one with this id, if it waits, is renewed, and moves to where
    // its `request_time` now belongs.
    ReserveVerdict reserve(const Reservation& reservation, Instant now);
    // Takes a reservation back, waiting or granted. False if unknown (used or lapsed). No action
    // for it is appended.
    bool cancel(ReservationId id, Instant now);
    // As cancel(), for all that this activator has here: it is gone. O(reservations).
    void forget(ActivatorId activator, Instant now);

    // Ends leases, waiting reservations and holds whose time is up.
    void tick(Instant now);
    // When tick() has something to do; Instant::max() if never.
    Instant next_deadline() const;

    std::span<const AdmissionAction> actions() const { return actions_; }
    void clear_actions() { actions_.clear(); }

    AdmissionCounts counts() const;
    // Brought up to `now`.
    SlotAccount account(Instant now);
    const AdmissionLimits& limits() const { return limits_; }
    // Recomputes every invariant and CHECKs it. O(everything).
    void check_invariants() const;

  private:
    struct Running {
        Lane lane = Lane::app;
        bool held = false;
        Instant held_until = Instant::max();  // max() again once hold_expired was told
    };
    struct Waiting {
        bool is_reservation = false;
        RequestId request{};
        ReservationId reservation{};
        ActivatorId activator{};
        Instant expires = Instant::max();  // reservations only
    };
    struct Grant {
        ReservationId reservation;
        ActivatorId activator;
        Instant until;
    };
    using Place = std::pair<Instant, std::uint64_t>;  // request time, then order of coming

    bool unlimited() const { return limits_.concurrency == 0; }
    std::size_t slots_taken() const { return running_count_ + held_count_ + grants_.size(); }
    void advance(Instant now);
    void start(RequestId id, Lane lane);
    bool use_grant(ActivatorId activator);
    void fill_slots(Instant now);
    void put_in_line(const Reservation& reservation, Place place);
    void erase_reservation(std::map<Place, Waiting>::iterator it);

    AdmissionLimits limits_;
    std::map<Place, Waiting> line_;
    std::unordered_map<RequestId, Place> place_of_request_;
    std::unordered_map<ReservationId, Place> place_of_reservation_;
    std::unordered_map<RequestId, Running> running_;
    std::vector<Grant> grants_;  // oldest first
    // Deadlines of held requests, earliest first.
    std::multimap<Instant, RequestId> holds_;
    // Deadlines of waiting reservations, earliest first.
    std::multimap<Instant, ReservationId> expiries_;
    std::size_t running_count_ = 0;
    std::size_t held_count_ = 0;
    std::size_t control_count_ = 0;
    std::uint64_t sequence_ = 0;
    std::vector<AdmissionAction> actions_;
    Instant last_;
    SlotAccount account_;
};

}  // namespace proxy
