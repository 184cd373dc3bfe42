// What the ledger holds to be true of one assignment, and of all its books after every call.
#include <algorithm>

#include "tests/sim/ledger.hpp"

namespace sim {

Duration Ledger::model_patience() const {
    if (policy_.model_patience) return *policy_.model_patience;
    std::size_t slots = 0;
    for (const auto& [id, pod] : pods_)
        slots += pod.present && pod.ready && !pod.draining ? policy_.concurrency : 0;
    const auto waiting = static_cast<double>(waiting_.size() - controls_waiting_);
    const double line = 2 * static_cast<double>(mean_run_.count()) * waiting /
                        static_cast<double>(std::max<std::size_t>(slots, 1));
    const Duration most = policy_.queue_timeout / 2;
    return line >= static_cast<double>(most.count()) ? most
                                                     : Duration(static_cast<Duration::rep>(line));
}

bool Ledger::check_oldest_first(const Entry& entry, PodId pod) const {
    const ModelKey model = pods_.at(pod).model;
    const bool fits = model != any_model && entry.arrival.model == model;
    bool passed = false;
    for (const auto& [id, older] : waiting_) {
        if (id >= entry.arrival.id) break;
        if (older.arrival.control || !may_run_on(older, pod)) continue;
        check(fits, "a request was overtaken by a younger one on a pod that it may use");
        check(older.arrival.model != model && (passed || older.arrival.model != any_model),
              "a request was overtaken though the pod fits it as well");
        check(now_ - older.arrived < model_patience(), "a request was overtaken for too long");
        passed = true;
    }
    return passed;
}

void Ledger::check_model(const Entry& entry, PodId chosen) const {
    const ModelKey model = entry.arrival.model;
    if (model == any_model || pods_.at(chosen).model == model || pin_holds(entry)) return;
    for (const auto& [id, pod] : pods_) {
        // Not of pods that ever failed or were reserved: that may have ended after this decision in
        // one call.
        if (pod.last_failure != Instant::min() || pod.was_reserved) continue;
        check(!has_free_slot(id, pod) || pod.model != model,
              "a request has to load a model that a free pod holds");
    }
}

void Ledger::check_slot(const Entry& waiter, const Action& action, const KnownPod& pod) const {
    check(!pod.draining, "assigned to a draining pod");
    check(!action.granted || granting_ == action.pod, "no slot was granted there");
    check(action.granted || now_ >= pod.held_until,
          "assigned to a pod that backs off or is reserved");
    check(action.granted || policy_.concurrency == 0 || pod.in_flight < policy_.concurrency,
          "more in flight than the pod's limit");
    check(may_run_on(waiter, action.pod), "a pinned request was sent to another pod");
}

void Ledger::after_call() {
    check_views();
    check_work_conservation();
    scheduler_.check_invariants();
}

void Ledger::check_work_conservation() const {
    bool takes_controls = false;
    for (const auto& [id, pod] : pods_) {
        takes_controls =
            takes_controls || (pod.present && pod.ready && (!scheduler_.pod(id)->backing_off));
        const bool is_free = has_free_slot(id, pod);
        const bool over = reserved(id) && now_ >= pod.held_until;
        if (!is_free && !over) continue;
        bool is_wanted = false;
        for (const auto& [request, entry] : waiting_) {
            is_wanted = is_wanted || (!entry.arrival.control && may_run_on(entry, id));
            check(!is_free || entry.arrival.control || !may_run_on(entry, id),
                  "a slot is free while a request waits that may use it");
        }
        check(!over || is_wanted, "a pod is reserved for nobody");
    }
    check(!takes_controls || controls_waiting_ == 0, "a control request waits beside a ready pod");
}

void Ledger::check_views() const {
    const RevisionView view = scheduler_.revision(revision());
    std::size_t running = 0;
    std::size_t controls = controls_waiting_;
    for (const auto& [id, pod] : pods_) {
        running += pod.in_flight;
        controls += pod.controls;
        const std::optional<PodView> its = scheduler_.pod(id);
        const bool kept = pod.present || pod.in_flight != 0 || pod.controls != 0;
        check(its.has_value() == kept, "a pod is forgotten too early or too late");
        if (!its) continue;
        check(its->in_flight == pod.in_flight && its->controls == pod.controls,
              "the sums of a pod's requests differ");
        check(!its->backing_off || now_ < pod.last_failure + policy_.backoff_max,
              "a pod backs off for too long");
    }
    check(view.waiting == waiting_.size() - controls_waiting_, "the queue's length differs");
    check(view.running == running, "the number of running requests differs");
    check(view.controls == controls, "the number of control requests differs");
    check(view.bytes_waiting == bytes_waiting_, "the bytes that wait differ");
}

}  // namespace sim
