// Recomputes what the scheduler keeps on its books from the requests and pods alone, and CHECKs
// that they agree. For the simulator and tests: O(everything) per call.
#include <algorithm>
#include <map>
#include <set>

#include "activator/core/scheduler_state.hpp"
#include "common/core/check.hpp"

namespace activator {
namespace {

struct RevisionTotals {
    std::size_t shared = 0;
    std::size_t in_pod_lines = 0;
    std::size_t controls_waiting = 0;
    std::size_t running = 0;
    std::size_t controls_running = 0;
    std::size_t bytes = 0;
    Duration least_cold_mark = Duration::max();
    Duration least_queued_mark = Duration::max();
    Duration least_pinned_mark = Duration::max();
};

struct PodTotals {
    std::uint32_t in_flight = 0;
    std::uint32_t controls = 0;
    std::size_t in_line = 0;
};

struct Totals {
    std::map<RevisionId, RevisionTotals> revisions;
    std::map<PodId, PodTotals> pods;
    std::set<std::uint64_t> ages;
    std::size_t bytes = 0;
};

void add_waiting(const ScheduledRequest& request, Totals& totals) {
    const RevisionQueue& revision = *request.revision;
    RevisionTotals& sums = totals.revisions[revision.id];
    CHECK(!revision.removed);
    switch (request.place) {
        case Place::shared_line:
            CHECK(revision.shared.contains(request) && request.pod == nullptr && !request.control);
            ++sums.shared;
            break;
        case Place::pod_line:
            CHECK(request.pod != nullptr && request.pod->line.contains(request));
            CHECK(request.pod->stays() && request.has_pin && request.pin == request.pod->id);
            CHECK(!request.control);
            ++totals.pods[request.pod->id].in_line;
            ++sums.in_pod_lines;
            sums.least_pinned_mark = std::min(sums.least_pinned_mark, request.wait_mark());
            break;
        case Place::control_line:
            CHECK(revision.controls.contains(request) && request.control);
            ++sums.controls_waiting;
            break;
        case Place::running:
            break;
    }
    sums.bytes += request.bytes;
    totals.bytes += request.bytes;
    sums.least_cold_mark = std::min(sums.least_cold_mark, request.cold_mark);
    sums.least_queued_mark = std::min(sums.least_queued_mark, request.queued_mark);
}

void add_running(const ScheduledRequest& request, Totals& totals) {
    CHECK(request.pod != nullptr && request.pod->revision == request.revision);
    RevisionTotals& sums = totals.revisions[request.revision->id];
    PodTotals& pod = totals.pods[request.pod->id];
    if (request.control) {
        ++sums.controls_running;
        ++pod.controls;
    } else {
        ++sums.running;
        ++pod.in_flight;
    }
}

void check_pod(const PodSlots& pod, const PodTotals& totals) {
    const RevisionQueue& revision = *pod.revision;
    const std::uint32_t concurrency = revision.policy.concurrency;
    CHECK(pod.in_flight == totals.in_flight);
    CHECK(pod.controls == totals.controls);
    CHECK(pod.line.size() == totals.in_line);
    CHECK(pod.present || (!pod.idle() && pod.standing == Standing::good && !pod.ready));
    CHECK(pod.standing != Standing::good || !pod.timed);
    CHECK(pod.standing != Standing::backing_off || pod.timed);
    const bool reserved_over = pod.standing == Standing::reserved && !pod.timed;
    CHECK(pod.in_reserved_idle == (reserved_over && pod.line.empty()));
    CHECK(!pod.in_reserved_idle || !revision.shared.empty());
    CHECK(revision.pods.all().contains(pod.id) == pod.present);
    const bool free = pod.usable() && (concurrency == 0 || pod.in_flight < concurrency);
    CHECK(pod.free() == free);
    if (free) {
        CHECK(revision.pods.free_pods().at({pod.in_flight, pod.id}) == &pod);
        CHECK(pod.line.empty() && revision.shared.empty());
    }
    CHECK(pod.control_rank.has_value() == pod.usable_for_controls());
    if (pod.usable_for_controls()) CHECK(revision.controls.empty());
    CHECK(pod.ready_counted == (pod.stays() && pod.ready));
    const bool listed =
        revision.pods.uses_models() && free && (pod.model.key != any_model || pod.in_flight == 0);
    CHECK(pod.model.listed.has_value() == listed);
    if (!listed) return;
    CHECK(pod.model.listed->key == pod.model.key && pod.model.listed->in_flight == pod.in_flight);
    CHECK(pod.model.listed->last_use == pod.model.last_use);
}

void check_lines(const RevisionQueue& revision, const RevisionTotals& sums) {
    CHECK(revision.shared.size() == sums.shared);
    CHECK(revision.controls.size() == sums.controls_waiting);
    CHECK(revision.patience.size() == sums.in_pod_lines);
    CHECK(revision.waiting() == sums.shared + sums.in_pod_lines + sums.controls_waiting);
    CHECK(revision.running == sums.running);
    CHECK(revision.running == revision.running_slots.value());
    CHECK(revision.controls_running == sums.controls_running);
    CHECK(revision.bytes_waiting == sums.bytes);
    if (revision.waiting() > 0) {
        CHECK(revision.budgets.first_by_cold()->cold_mark == sums.least_cold_mark);
        CHECK(revision.budgets.first_by_queued()->queued_mark == sums.least_queued_mark);
    }
    if (sums.in_pod_lines > 0) {
        CHECK(revision.patience.first_by_both()->wait_mark() == sums.least_pinned_mark);
    }
}

void check_pod_sums(const RevisionQueue& revision) {
    std::size_t ready = 0;
    std::size_t free = 0;
    std::size_t for_controls = 0;
    std::size_t listed = 0;
    std::size_t slots = 0;
    const std::uint32_t concurrency = revision.policy.concurrency;
    for (const auto& [id, pod] : revision.pods.all()) {
        CHECK(pod->id == id && pod->present && pod->revision == &revision);
        ready += pod->stays() && pod->ready ? 1 : 0;
        for_controls += pod->usable_for_controls() ? 1 : 0;
        listed += pod->model.listed ? 1 : 0;
        if (!pod->free()) continue;
        ++free;
        slots += concurrency == 0 ? 0 : concurrency - pod->in_flight;
    }
    CHECK(revision.pods.ready_count() == ready);
    CHECK(revision.pods.free_pods().size() == free);
    CHECK(revision.pods.control_pods().size() == for_controls);
    CHECK(revision.pods.models().size() == listed);
    CHECK(revision.pods.slots_free(concurrency) ==
          (concurrency == 0 && free > 0 ? SIZE_MAX : slots));
    CHECK(revision.free_slots.value() == slots);
    CHECK(revision.clock.cold_runs() == (ready == 0));
    CHECK(!revision.removed || revision.pods.all().empty());
}

}  // namespace

void Scheduler::check_invariants() const {
    const State& state = *state_;
    Totals totals;
    for (const auto& [id, request] : state.requests) {
        CHECK(request.id == id && request.age < state.next_age);
        CHECK(totals.ages.insert(request.age).second);
        if (request.place == Place::running) {
            add_running(request, totals);
        } else {
            add_waiting(request, totals);
        }
    }
    CHECK(state.bytes_waiting == totals.bytes);

    std::size_t timed = 0;
    for (const auto& [id, pod] : state.pods) {
        CHECK(pod.id == id);
        check_pod(pod, totals.pods[id]);
        if (!pod.timed) continue;
        ++timed;
        CHECK(pod.standing_until > state.now || pod.revision->policy.backoff_first <= Duration{});
        CHECK(state.standing_ends.contains({pod.standing_until, id}));
    }
    CHECK(state.standing_ends.size() == timed);
    CHECK(totals.pods.size() == state.pods.size());

    std::size_t with_deadline = 0;
    for (const auto& [id, revision] : state.revisions) {
        CHECK(revision.id == id);
        check_lines(revision, totals.revisions[id]);
        check_pod_sums(revision);
        CHECK(revision.deadline == state.deadline_of(revision));
        with_deadline += revision.deadline != Instant::max() ? 1 : 0;
    }
    CHECK(state.revision_deadlines.size() == with_deadline);
    CHECK(totals.revisions.size() == state.revisions.size());
}

}  // namespace activator
