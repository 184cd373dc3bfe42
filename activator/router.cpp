#include "activator/router.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>

#include "activator/core/affinity_hash.hpp"
#include "common/core/check.hpp"

namespace activator {
namespace {

// A pod takes up to a quarter more than its share of header-named sessions (Mirrokni et al. 2016).
constexpr double key_load_bound = 1.25;

}  // namespace

Router::Router(common::TimeSource& time, boost::asio::any_io_executor executor,
               const Limits& limits)
    : time_(time),
      executor_(std::move(executor)),
      replay_bytes_max_(limits.queue_bytes / 2),
      scheduler_(limits),
      timer_(time.make_timer()) {}

Router::~Router() = default;

// --- Revisions and pods.

RevisionId Router::add_revision(Revision revision) {
    const Instant now = time_.now();
    const RevisionId id{++last_id_};
    revision.id = id;
    scheduler_.add_revision(id, policy_of(revision), now);
    revisions_.try_emplace(id, std::move(revision), now);
    return id;
}

void Router::remove_revision(RevisionId id) {
    scheduler_.remove_revision(id, time_.now());
    carry_out();
    const auto known = revisions_.find(id);
    if (known == revisions_.end()) return;
    for (const PodId pod : known->second.pods)
        pods_.erase(pod);
    revisions_.erase(known);
}

void Router::close() {
    for (const RevisionId id : revisions())
        remove_revision(id);
    timer_->disarm();
    armed_for_ = Instant::max();
}

void Router::update_revision(RevisionId id, Revision revision) {
    Known& known = revisions_.at(id);
    revision.id = id;
    scheduler_.set_policy(id, policy_of(revision), time_.now());
    known.revision = std::make_shared<const Revision>(std::move(revision));
    carry_out();
}

std::shared_ptr<const Revision> Router::revision(RevisionId id) const {
    const auto it = revisions_.find(id);
    return it == revisions_.end() ? nullptr : it->second.revision;
}

std::vector<RevisionId> Router::revisions() const {
    std::vector<RevisionId> ids;
    for (const auto& [id, known] : revisions_)
        ids.push_back(id);
    return ids;
}

PodId Router::add_pod(RevisionId revision, std::string name, common::Address address) {
    const auto known = revisions_.find(revision);
    CHECK(known != revisions_.end());
    Pod pod;
    pod.revision = revision;
    pod.tag = pod_tag(known->second.revision->session_scope(), name);
    pod.name_hash = stable_hash(name);
    pod.name = std::move(name);
    pod.address = std::move(address);
    const PodId id = returning_pod(pod).value_or(PodId{last_id_ + 1});
    last_id_ = std::max(last_id_, id.value);
    pod.id = id;
    known->second.by_tag[pod.tag] = id;
    scheduler_.add_pod(revision, id, time_.now());
    pods_.emplace(id, std::move(pod));
    std::vector<PodId>& pods = known->second.pods;
    pods.insert(std::ranges::lower_bound(pods, id), id);
    carry_out();
    return id;
}

std::optional<PodId> Router::returning_pod(const Pod& pod) {
    std::erase_if(departed_, [this](const auto& entry) { return !scheduler_.pod(entry.first); });
    for (const auto& [id, departed] : departed_) {
        const bool same = departed.revision == pod.revision && departed.name == pod.name &&
                          departed.address == pod.address;
        if (!same) continue;
        const PodId found = id;
        departed_.erase(found);
        return found;
    }
    return std::nullopt;
}

void Router::set_pod_ready(PodId id, bool ready) {
    const auto it = pods_.find(id);
    if (it == pods_.end()) return;
    scheduler_.set_pod_ready(id, ready, time_.now());
    const auto known = revisions_.find(it->second.revision);
    if (ready && known != revisions_.end()) known->second.short_since.reset();
    carry_out();
}

void Router::drain_pod(PodId id) {
    const auto it = pods_.find(id);
    if (it == pods_.end()) return;
    scheduler_.drain_pod(id, time_.now());
    carry_out();
}

void Router::remove_pod(PodId id) {
    const auto it = pods_.find(id);
    if (it == pods_.end()) return;
    const RevisionId revision = it->second.revision;
    const auto known = revisions_.find(revision);
    if (known != revisions_.end()) {
        known->second.by_tag.erase(it->second.tag);
        std::erase(known->second.pods, id);
    }
    Pod departed = std::move(it->second);
    pods_.erase(it);
    scheduler_.remove_pod(id, time_.now());
    if (scheduler_.pod(id)) departed_.emplace(id, std::move(departed));
    carry_out();
}

const Pod* Router::pod(PodId id) const {
    const auto it = pods_.find(id);
    return it == pods_.end() ? nullptr : &it->second;
}

std::vector<const Pod*> Router::pods(RevisionId revision) const {
    std::vector<const Pod*> found;
    const auto known = revisions_.find(revision);
    if (known == revisions_.end()) return found;
    found.reserve(known->second.pods.size());
    for (const PodId id : known->second.pods)
        found.push_back(&pods_.at(id));
    return found;
}

std::optional<PodId> Router::find_pod(RevisionId revision, PodTag tag) const {
    const auto known = revisions_.find(revision);
    if (known == revisions_.end()) return std::nullopt;
    const auto it = known->second.by_tag.find(tag);
    if (it == known->second.by_tag.end()) return std::nullopt;
    return it->second;
}

void Router::note_session(PodId id, Duration lives_for) {
    if (pods_.contains(id)) scheduler_.note_session(id, time_.now() + lives_for);
}

bool Router::keeps_sessions(PodId id) const {
    const std::optional<PodView> view = scheduler_.pod(id);
    return pods_.contains(id) && view && !view->draining && !view->leaving;
}

std::optional<PodId> Router::pod_of_key(RevisionId revision, std::uint64_t key) const {
    const auto known = revisions_.find(revision);
    if (known == revisions_.end()) return std::nullopt;
    const auto live = known->second.live_keys.find(key);
    if (live != known->second.live_keys.end() && live->second.pod &&
        keeps_sessions(*live->second.pod))
        return live->second.pod;
    std::vector<HashCandidate> candidates;
    std::vector<PodId> ids;
    for (const auto& [tag, id] : known->second.by_tag) {
        const std::optional<PodView> view = scheduler_.pod(id);
        if (!view || !view->ready || view->draining) continue;
        candidates.push_back({pods_.at(id).name_hash, view->in_flight + view->pinned_waiting});
        ids.push_back(id);
    }
    const std::optional<std::size_t> chosen = rendezvous(key, candidates, key_load_bound);
    if (!chosen) return std::nullopt;
    return ids[*chosen];
}

std::vector<PodId> Router::idle_pods(RevisionId id, std::size_t count) const {
    std::vector<PodId> found(count);
    found.resize(scheduler_.idle_pods(id, count, time_.now(), found));
    return found;
}

// --- Requests.

Refusal Router::arrive(Ticket& ticket, std::optional<PodId> pinned, std::size_t bytes) {
    CHECK(ticket.state == Ticket::State::fresh);
    const auto known = revisions_.find(ticket.revision);
    if (known == revisions_.end()) {
        ticket.state = Ticket::State::ended;
        return Refusal::unknown_revision;
    }
    ticket.id = RequestId{++last_id_};
    ticket.arrived = time_.now();
    ticket.pinned = pinned;
    Arrival arrival;
    arrival.id = ticket.id;
    arrival.revision = ticket.revision;
    arrival.pinned = pinned;
    arrival.bytes = bytes;
    arrival.control = ticket.control;
    arrival.model = ticket.model;
    const Refusal refusal = scheduler_.arrive(arrival, ticket.arrived);
    if (refusal != Refusal::none) {
        ticket.state = Ticket::State::ended;
        return refusal;
    }
    ticket.state = Ticket::State::waiting;
    tickets_.emplace(ticket.id, &ticket);
    count_in(ticket, pinned);
    carry_out();
    turn_away_waiting();
    return Refusal::none;
}

bool Router::abandon(Ticket& ticket) {
    if (ticket.state != Ticket::State::waiting) return false;
    const Instant now = time_.now();
    CHECK(scheduler_.abandon(ticket.id, now));
    // The scheduler tells how long a request waited when it assigns or expires it; one that leaves
    // before either is booked on what it waits for now.
    const bool first_wait = ticket.waited_cold + ticket.waited_queued == Duration::zero();
    const bool cold = scheduler_.revision(ticket.revision).pods_ready == 0;
    if (first_wait) (cold ? ticket.waited_cold : ticket.waited_queued) = now - ticket.arrived;
    ticket.state = Ticket::State::ended;
    tickets_.erase(ticket.id);
    count_out(as_detached(ticket));
    carry_out();
    return true;
}

void Router::finish(Ticket& ticket, Outcome outcome) {
    CHECK(ticket.state == Ticket::State::assigned);
    give_back_unsent(ticket);
    const PodId pod = ticket.pod;
    const bool waits_again = outcome == Outcome::refused || outcome == Outcome::unreachable;
    if (!waits_again) {
        ticket.state = Ticket::State::ended;
        tickets_.erase(ticket.id);
        count_out(as_detached(ticket));
    } else {
        ticket.state = Ticket::State::waiting;
    }
    scheduler_.finish(ticket.id, outcome, time_.now());
    carry_out();
    turn_away_waiting();
    const bool failing = outcome == Outcome::unreachable || outcome == Outcome::failed;
    if (failing && on_unreachable_) on_unreachable_(pod);
}

void Router::requeue(Ticket& ticket) {
    CHECK(ticket.state == Ticket::State::assigned);
    give_back_unsent(ticket);
    const PodId pod = ticket.pod;
    ticket.state = Ticket::State::waiting;
    scheduler_.requeue(ticket.id, time_.now());
    carry_out();
    turn_away_waiting();
    if (on_unreachable_) on_unreachable_(pod);
}

bool Router::cancel(RequestId id) {
    const auto found = tickets_.find(id);
    if (found == tickets_.end()) return false;
    Ticket& ticket = *found->second;
    if (!abandon(ticket)) return false;
    ticket.state = Ticket::State::cancelled;
    ticket.woken.notify();
    return true;
}

void Router::stop_waiting() {
    stopped_waiting_ = true;
    turn_away_waiting();
}

void Router::turn_away_waiting() {
    if (!stopped_waiting_) return;
    std::vector<Ticket*> waiting;
    for (const auto& [id, ticket] : tickets_) {
        if (ticket->state == Ticket::State::waiting) waiting.push_back(ticket);
    }
    for (Ticket* ticket : waiting) {
        // Notified owners go on in a later turn: all of these are alive.
        if (!abandon(*ticket)) continue;
        ticket->state = Ticket::State::turned_away;
        ticket->woken.notify();
    }
}

Router::Detached Router::detach(Ticket& ticket) {
    CHECK(ticket.state == Ticket::State::assigned);
    give_back_unsent(ticket);
    ticket.state = Ticket::State::ended;
    tickets_.erase(ticket.id);
    const Detached detached = as_detached(ticket);
    note_held(detached, +1);
    return detached;
}

void Router::note_held(const Detached& held, int change) {
    const auto known = revisions_.find(held.revision);
    if (known == revisions_.end() || held.control) return;
    common::TimeIntegral& slots = known->second.held;
    slots.set(slots.value() + static_cast<std::size_t>(change), time_.now());
}

void Router::finish_detached(Detached detached) {
    note_held(detached, -1);
    scheduler_.finish(detached.id, Outcome::done, time_.now());
    count_out(detached);
    carry_out();
}

bool Router::take_replay_bytes(std::size_t bytes) {
    if (bytes > replay_bytes_max_ - replay_bytes_) return false;
    replay_bytes_ += bytes;
    scheduler_.set_bytes_elsewhere(replay_bytes_);
    return true;
}

void Router::return_replay_bytes(std::size_t bytes) {
    CHECK(bytes <= replay_bytes_);
    replay_bytes_ -= bytes;
    scheduler_.set_bytes_elsewhere(replay_bytes_);
}

Router::Detached Router::as_detached(const Ticket& ticket) {
    return {ticket.id, ticket.revision, ticket.control, ticket.key};
}

void Router::count_in(const Ticket& ticket, std::optional<PodId> pinned) {
    Known& known = revisions_.at(ticket.revision);
    if (ticket.control) return;
    if (on_arrival_) on_arrival_(ticket.revision);
    known.stats.request_in(ticket.arrived);
    if (!ticket.key) return;
    LiveKey& live = known.live_keys[*ticket.key];
    if (live.requests == 0) live.pod = pinned;
    ++live.requests;
}

void Router::count_out(const Detached& ended) {
    const auto known = revisions_.find(ended.revision);
    if (known == revisions_.end() || ended.control) return;
    known->second.stats.request_out(time_.now());
    if (!ended.key) return;
    const auto live = known->second.live_keys.find(*ended.key);
    CHECK(live != known->second.live_keys.end());
    if (--live->second.requests == 0) known->second.live_keys.erase(live);
}

common::RequestStats::Report Router::report(RevisionId id) {
    return revisions_.at(id).stats.report(time_.now());
}

// --- Actions.

void Router::carry_out() {
    std::vector<PodId> unreserved;
    const std::span<const Action> actions = scheduler_.actions();
    batch_.assign(actions.begin(), actions.end());
    scheduler_.clear_actions();
    for (const Action& action : batch_) {
        const bool nobody = action.kind == Action::Kind::reserve && reservations_ == nullptr;
        if (nobody) unreserved.push_back(action.pod);
        carry_out(action);
    }
    arm();
    if (reservations_ != nullptr) reservations_->changed();
    for (const PodId pod : unreserved)
        reservation_lost(pod);
}

void Router::carry_out(const Action& action) {
    if (action.kind == Action::Kind::wake) {
        wake(action.revision);
        return;
    }
    if (action.kind == Action::Kind::reserve) {
        if (reservations_ != nullptr) reservations_->reserve(action.pod);
        return;
    }
    const auto it = tickets_.find(action.request);
    CHECK(it != tickets_.end());
    Ticket& ticket = *it->second;
    ticket.waited_cold = action.waited_cold;
    ticket.waited_queued = action.waited_queued;
    if (action.kind == Action::Kind::assign) {
        ticket.state = Ticket::State::assigned;
        ticket.pod = action.pod;
        ticket.grant.reset();
        if (action.granted) ticket.grant = granted_;
        note_assigned(ticket);
    } else {
        ticket.state = Ticket::State::expired;
        ticket.cause = action.cause;
        tickets_.erase(it);
        count_out(as_detached(ticket));
    }
    ticket.woken.notify();
}

bool Router::grant(const SlotGrant& grant) {
    granted_ = grant;
    const bool used = scheduler_.grant(grant.pod, time_.now());
    carry_out();
    granted_.reset();
    return used;
}

void Router::reservation_open(PodId id) {
    scheduler_.reservation_open(id, time_.now());
    carry_out();
}

void Router::reservation_lost(PodId id) {
    scheduler_.reservation_lost(id, time_.now());
    carry_out();
}

void Router::give_back_unsent(Ticket& ticket) {
    if (ticket.grant && reservations_ != nullptr) reservations_->give_back(*ticket.grant);
    ticket.grant.reset();
}

void Router::note_assigned(const Ticket& ticket) {
    if (!ticket.key || ticket.control) return;
    const auto known = revisions_.find(ticket.revision);
    if (known == revisions_.end()) return;
    known->second.live_keys.at(*ticket.key).pod = ticket.pod;
}

void Router::wake(RevisionId id) {
    const auto known = revisions_.find(id);
    if (known == revisions_.end()) return;
    if (!known->second.short_since) known->second.short_since = time_.now();
    if (known->second.wake_told || !on_wake_) return;
    known->second.wake_told = true;
    boost::asio::post(executor_, [this, id, alive = std::weak_ptr<bool>(alive_)] {
        if (alive.expired()) return;
        const auto it = revisions_.find(id);
        if (it == revisions_.end()) return;
        it->second.wake_told = false;
        on_wake_(id);
    });
}

void Router::arm() {
    const Instant deadline = scheduler_.next_deadline();
    if (deadline >= armed_for_) return;  // an early timer finds out that nothing is due
    armed_for_ = deadline;
    timer_->arm(deadline, [this] {
        armed_for_ = Instant::max();
        scheduler_.tick(time_.now());
        carry_out();
    });
}

}  // namespace activator
