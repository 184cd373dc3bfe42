#include "sluice/service_runner.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>
#include <vector>

#include "sluice/service/pod_spec.hpp"
#include "sluice/service/service_policy.hpp"

namespace sluice {
namespace {

using activator::PodView;
using common::Duration;
using common::Instant;
using common::PodId;

std::string seconds_text(Duration duration) {
    std::array<char, 32> text;
    const int n = std::snprintf(text.data(), text.size(), "%.1f s", common::to_seconds(duration));
    return std::string(text.data(), static_cast<std::size_t>(n));
}

}  // namespace

ServiceRunner::ServiceRunner(const ServiceSpec& service, const autoscaler::Config& config,
                             Parts parts)
    : service_(service),
      parts_(std::move(parts)),
      revision_(parts_.gateway.add_revision(revision_of(service))),
      scaler_(scaling_policy_of(service, config), parts_.time.now()),
      report_timer_(parts_.time.make_timer()),
      retry_timer_(parts_.time.make_timer()),
      names_(parts_.name_seed) {}

void ServiceRunner::start() {
    scaling_ = true;
    desired_ = scaler_.replicas();
    next_report_ = parts_.time.now() + autoscaler::RevisionScaler::report_period;
    report_timer_->arm(next_report_, [this] { every_second(); });
    reconcile();
    if (has_requests()) on_wake();  // they came before
}

void ServiceRunner::every_second() {
    const Instant now = parts_.time.now();
    const common::RequestStats::Report load = parts_.gateway.router().report(revision_);
    autoscaler::LoadReport report;
    report.concurrency = load.average_concurrency;
    report.requests = load.requests;
    if (scaling_) scaler_.report(now, report);
    ++seconds_;
    constexpr auto reports_per_tick =
        autoscaler::RevisionScaler::tick_period / autoscaler::RevisionScaler::report_period;
    if (scaling_ && seconds_ % static_cast<unsigned>(reports_per_tick) == 0)
        apply(scaler_.tick(now, counts()));
    finish_drains();
    reconcile();
    // On a fixed beat: a late turn of the event loop does not shift the later ones.
    next_report_ = std::max(next_report_ + autoscaler::RevisionScaler::report_period, now);
    report_timer_->arm(next_report_, [this] { every_second(); });
}

void ServiceRunner::on_wake() {
    if (!scaling_) return;
    const Instant now = parts_.time.now();
    const activator::RevisionView view = parts_.gateway.router().view(revision_);
    autoscaler::Demand demand;
    demand.waiting = static_cast<std::uint32_t>(view.waiting);
    demand.concurrency = static_cast<std::uint32_t>(view.waiting + view.running);
    // Control-lane requests wait only while no pod is ready; then they are worth a pod too.
    if (demand.concurrency == 0 && view.controls > 0) demand.concurrency = demand.waiting = 1;
    scaler_.poke(now, demand.concurrency, counts());
    apply(scaler_.demand(now, demand, counts()));
}

void ServiceRunner::apply(const autoscaler::Decision& decision) {
    if (decision.replicas != desired_)
        parts_.say("scaling", service_.name + ": " + autoscaler::decision_text(decision));
    desired_ = decision.replicas;
    reconcile();
}

// --- As many pods as there should be.

void ServiceRunner::reconcile() {
    if (!scaling_) return;
    const std::size_t wanted =
        static_cast<std::size_t>(std::max<autoscaler::PodCount>(desired_, 0));
    const std::size_t have = alive();
    if (have > wanted) {
        remove_idle(have - wanted);
        return;
    }
    const Instant now = parts_.time.now();
    if (have < wanted && now < no_start_before_) {
        retry_timer_->arm(no_start_before_, [this] { reconcile(); });
        return;
    }
    for (std::size_t i = have; i < wanted; ++i)
        start_pod();
}

std::size_t ServiceRunner::alive() const {
    return static_cast<std::size_t>(
        std::count_if(pods_.begin(), pods_.end(), [](const auto& entry) {
            const State state = entry.second.state;
            return state == State::pending || state == State::starting || state == State::ready;
        }));
}

autoscaler::PodCounts ServiceRunner::counts() const {
    autoscaler::PodCounts counts;
    for (const auto& [id, pod] : pods_) {
        if (pod.state == State::ready) ++counts.ready;
        if (pod.state == State::pending || pod.state == State::starting) ++counts.starting;
    }
    return counts;
}

std::string ServiceRunner::new_pod_name() {
    // As Kubernetes: five letters and digits that make no words.
    constexpr std::string_view letters = "bcdfghjklmnpqrstvwxz2456789";
    std::string name = service_.revision + "-";
    for (int i = 0; i < 5; ++i)
        name += letters[names_.below(letters.size())];
    return name;
}

void ServiceRunner::start_pod() {
    const PodId id = parts_.next_pod_id();
    Pod pod;
    pod.name = new_pod_name();
    pod.started_at = parts_.time.now();
    pod.loading_since = pod.started_at;
    PodSpec spec = make_pod_spec(service_, pod.name);
    // The gateway has drained a pod before it is stopped: nobody is left to be quiet for.
    spec.queue_proxy_env["SLUICE_DRAIN_QUIET"] = "0s";
    parts_.say("pod_starting", "pod " + pod.name + ": starting");
    parts_.gateway.account(revision_).cold_starts.asked();
    pods_.emplace(id, std::move(pod));
    parts_.runtime.start(id, spec);
}

// Pods that have not come up yet go first, the newest first; then idle ones in the scheduler's
// order.
void ServiceRunner::remove_idle(std::size_t count) {
    for (auto it = pods_.rbegin(); it != pods_.rend() && count > 0; ++it) {
        if (it->second.state != State::pending || it->second.routed) continue;
        stop_pod(it->first, it->second);
        --count;
    }
    const activator::Router& router = parts_.gateway.router();
    for (const PodId routed : router.idle_pods(revision_, pods_.size())) {
        if (count == 0) return;
        // A web page's event stream or a job that it started is use of the pod, though no slot is
        // taken.
        const std::optional<PodView> view = router.pod_view(routed);
        if (view && view->controls > 0) continue;
        for (auto& [id, pod] : pods_) {
            if (pod.routed != routed) continue;
            drain(id, pod);
            --count;
        }
    }
}

// Gives the pod nothing more, and stops it as soon as it has nothing.
void ServiceRunner::drain(PodId id, Pod& pod) {
    if (pod.state != State::draining) {
        pod.state = State::draining;
        pod.drain_until = parts_.time.now() + std::chrono::seconds(service_.timeout_seconds);
        parts_.gateway.drain_pod(*pod.routed);
    }
    const std::optional<PodView> view = parts_.gateway.router().pod_view(*pod.routed);
    const bool quiet = !view || (view->in_flight == 0 && view->controls == 0);
    if (quiet || parts_.time.now() >= pod.drain_until) stop_pod(id, pod);
}

void ServiceRunner::finish_drains() {
    for (auto& [id, pod] : pods_) {
        if (pod.state == State::draining) drain(id, pod);
    }
}

void ServiceRunner::stop_pod(PodId id, Pod& pod) {
    if (pod.state == State::stopping) return;
    pod.state = State::stopping;
    if (pod.routed) parts_.gateway.remove_pod(*pod.routed);
    pod.routed.reset();
    parts_.say("pod_stopping", "pod " + pod.name + ": stopping");
    parts_.runtime.stop(id);
}

// --- News.

bool ServiceRunner::on_pod_event(PodId id, const PodEvent& event) {
    const auto it = pods_.find(id);
    if (it == pods_.end()) return false;
    Pod& pod = it->second;
    switch (event.kind) {
        case PodEvent::Kind::started:
            pod_started(pod, event);
            break;
        case PodEvent::Kind::app_exited:
            parts_.say("pod_app_ended", "pod " + pod.name + ": the application ended (" +
                                            event.reason + "); it starts again in " +
                                            seconds_text(event.backoff));
            if (pod.state == State::ready) pod.state = State::starting;
            pod.loading_since.reset();
            if (pod.routed) parts_.gateway.doubt_pod(*pod.routed);
            break;
        case PodEvent::Kind::app_restarted:
            parts_.say("pod_app_restarted", "pod " + pod.name + ": the application runs again");
            pod.loading_since = parts_.time.now();
            break;
        case PodEvent::Kind::pending:
            if (pod.reason != event.reason)
                parts_.say("pod_pending", "pod " + pod.name + ": pending, " + event.reason);
            pod.reason = event.reason;
            pod.loading_since.reset();
            break;
        case PodEvent::Kind::failed:
            pod_failed(id, pod, event.reason);
            break;
        case PodEvent::Kind::address_changed:
            parts_.say("pod_address", "pod " + pod.name + ": " + event.reason);
            pod_moved(pod, event);
            break;
        case PodEvent::Kind::stopped:
            pod_stopped(id);
            break;
    }
    return true;
}

void ServiceRunner::pod_started(Pod& pod, const PodEvent& event) {
    if (pod.state != State::pending) return;  // on its way out already
    pod.state = State::starting;
    if (!pod.loading_since) pod.loading_since = parts_.time.now();
    pod.reason.clear();
    route(pod, event.address);
}

// Under its old name, so that its sessions stay.
void ServiceRunner::pod_moved(Pod& pod, const PodEvent& event) {
    if (!pod.routed || event.address.queue_proxy_port == pod.port) return;
    parts_.gateway.remove_pod(*pod.routed);
    route(pod, event.address);
    if (pod.state == State::ready) pod.state = State::starting;
    if (pod.state == State::draining) parts_.gateway.drain_pod(*pod.routed);
}

void ServiceRunner::route(Pod& pod, const PodAddress& address) {
    common::Address where;
    where.host = "127.0.0.1";
    where.port = pod.port = address.queue_proxy_port;
    pod.routed = parts_.gateway.add_pod(revision_, pod.name, where, pod.started_at);
}

bool ServiceRunner::on_pod_ready(PodId routed) {
    for (auto& [id, pod] : pods_) {
        if (pod.routed != routed) continue;
        if (pod.state != State::starting) return true;
        pod.state = State::ready;
        pod.loading_since.reset();
        start_backoff_ = {};
        parts_.say("pod_ready", "pod " + pod.name + ": ready after " +
                                    seconds_text(parts_.time.now() - pod.started_at));
        return true;
    }
    return false;
}

void ServiceRunner::pod_failed(PodId id, Pod& pod, const std::string& reason) {
    pod.state = State::failed;
    pod.reason = reason;
    const Duration wait = start_backoff_.next(Duration::zero());
    no_start_before_ = parts_.time.now() + std::max<Duration>(wait, crash_backoff_base);
    parts_.say("pod_failed", "pod " + pod.name + ": cannot start: " + reason);
    if (pod.routed) parts_.gateway.remove_pod(*pod.routed);
    pod.routed.reset();
    parts_.runtime.stop(id);
}

void ServiceRunner::pod_stopped(PodId id) {
    const auto it = pods_.find(id);
    if (it->second.routed) parts_.gateway.remove_pod(*it->second.routed);
    if (it->second.state != State::failed)
        parts_.say("pod_stopped", "pod " + it->second.name + ": stopped");
    pods_.erase(it);
    reconcile();
}

// --- The end.

void ServiceRunner::stop_scaling() {
    scaling_ = false;
}

bool ServiceRunner::busy() const {
    return parts_.gateway.router().view(revision_).running > 0;
}

bool ServiceRunner::has_requests() const {
    const activator::RevisionView view = parts_.gateway.router().view(revision_);
    return view.waiting + view.running + view.controls > 0;
}

void ServiceRunner::stop_all() {
    scaling_ = false;
    // A stopped event may come for one pod while others are still being told: ids first.
    std::vector<PodId> ids;
    for (const auto& [id, pod] : pods_)
        ids.push_back(id);
    for (const PodId id : ids) {
        const auto it = pods_.find(id);
        if (it != pods_.end() && it->second.state != State::failed) stop_pod(id, it->second);
    }
}

void ServiceRunner::end() {
    scaling_ = false;
    report_timer_->disarm();
    retry_timer_->disarm();
}

std::vector<LoadingPod> ServiceRunner::loading_pods() const {
    std::vector<LoadingPod> loading;
    for (const auto& [id, pod] : pods_) {
        // Pending without a reason: its container is being started.
        const bool comes_up = pod.state == State::pending || pod.state == State::starting;
        if (!comes_up || !pod.loading_since) continue;
        loading.push_back(
            {pod.name, parts_.time.now() - *pod.loading_since, parts_.runtime.last_line(id)});
    }
    return loading;
}

std::vector<activator::UnroutedPod> ServiceRunner::unrouted_pods() const {
    std::vector<activator::UnroutedPod> all;
    for (const auto& [id, pod] : pods_) {
        if (pod.routed) continue;
        std::string_view state = "pending";
        if (pod.state == State::stopping) state = "stopping";
        if (pod.state == State::failed) state = "failed";
        all.push_back({pod.name, state, pod.reason, pod.started_at});
    }
    return all;
}

}  // namespace sluice
