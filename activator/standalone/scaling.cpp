#include "activator/standalone/scaling.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "activator/standalone/core/report_times.hpp"
#include "common/forward/fetch.hpp"
#include "common/log/log.hpp"
#include "common/protocol/stat_message.hpp"

namespace activator::standalone {
namespace {

using common::awaitable;
using kubernetes::ApiClient;
using nlohmann::json;

// Below 0, the cost of pods that nobody marked.
constexpr const char* low_cost = "-100";
// A pod that we marked and that Kubernetes has not taken by then stays; its mark goes.
constexpr Duration mark_life = std::chrono::seconds(15);
// Longer than a change of levels takes to be said, and to arrive.
constexpr Duration look_after = std::chrono::milliseconds(150);
// Reports of one second come a little apart: a client that changes between activators just then may
// count twice, for that long out of a window. Requests that wait ask by themselves.
constexpr double averages_slack = 0.05;
constexpr Duration ask_timeout = std::chrono::milliseconds(500);

ApiClient::Request merge_patch(std::string target, const json& body) {
    ApiClient::Request request;
    request.method = "PATCH";
    request.target = std::move(target);
    request.content_type = "application/merge-patch+json";
    request.body = body.dump();
    return request;
}

// The first pod of a new Deployment is the webhook's business: from then on what there is counts.
autoscaler::ScalingPolicy of_leader(autoscaler::ScalingPolicy policy) {
    policy.bounds.initial = 0;
    if (policy.decider.metric == autoscaler::Metric::concurrency)
        policy.decider.slack = averages_slack;
    return policy;
}

}  // namespace

Scaling::Scaling(Parts parts)
    : parts_(std::move(parts)),
      timer_(parts_.time.make_timer()),
      look_timer_(parts_.time.make_timer()) {}

void Scaling::begin() {
    leading_ = true;
    seconds_ = 0;
    for (const auto& [name, workload] : parts_.source.workloads())
        add(workload);
    arm();
}

void Scaling::arm() {
    timer_->arm(parts_.time.now() + until_report(parts_.time.wall_now(), reports_settle),
                [this] { every_second(); });
}

void Scaling::end() {
    leading_ = false;
    timer_->disarm();
    look_timer_->disarm();
    to_look_at_.clear();
    scaled_.clear();
    book_.clear();
}

void Scaling::add(const WorkloadSource::Workload& workload) {
    const Instant now = parts_.time.now();
    const auto [it, fresh] =
        scaled_.try_emplace(workload.deployment.name, of_leader(workload.policy.scaling), now);
    if (!fresh) return;
    constexpr std::int64_t most = 0x7fff'ffff;
    const auto replicas = std::clamp<std::int64_t>(workload.deployment.replicas, 0, most);
    it->second.scaler.adopt(static_cast<autoscaler::PodCount>(replicas), now);
}

void Scaling::on_change(const ObjectName& name) {
    if (!leading_) return;
    const auto& workloads = parts_.source.workloads();
    const auto workload = workloads.find(name);
    if (workload == workloads.end()) {
        scaled_.erase(name);
        book_.forget(to_string(name));
        return;
    }
    if (Scaled* const known = find(name))
        known->scaler.set_policy(of_leader(workload->second.policy.scaling), parts_.time.now());
    else
        add(workload->second);
}

Scaling::Scaled* Scaling::find(const ObjectName& name) {
    const auto it = scaled_.find(name);
    return it == scaled_.end() ? nullptr : &it->second;
}

autoscaler::PodCounts Scaling::counts(const WorkloadSource::Workload& workload) const {
    autoscaler::PodCounts counts;
    const RevisionView view = parts_.gateway.router().view(workload.id);
    counts.ready = static_cast<std::uint32_t>(view.pods_ready);
    const auto all =
        static_cast<std::uint32_t>(std::max<std::int64_t>(workload.deployment.replicas, 0));
    counts.starting = all > counts.ready ? all - counts.ready : 0;
    return counts;
}

// --- Decisions.

void Scaling::on_reports(const std::string& activator, const RevisionReports& reports) {
    if (!leading_) return;
    const Instant now = parts_.time.now();
    for (const RevisionReport& report : reports) {
        const ObjectName name{report.name_space, report.name};
        Scaled* const scaled = find(name);
        if (scaled == nullptr) continue;
        const WorkloadSource::Workload& workload = parts_.source.workloads().at(name);
        const std::string key = to_string(name);
        book_.report(activator, key, report.load, now);
        const LoadBook::Load load = book_.present(key, now);
        const autoscaler::PodCounts pods = counts(workload);
        const double concurrency = std::max(load.present, load.average.value_or(0));
        if (const auto decision = scaled->scaler.poke(now, concurrency, pods))
            apply(name, *scaled, *decision);
        if (report.load.waiting == 0) continue;
        if (pods.ready == 0)
            demand(name, *scaled);
        else
            look_soon(name);
    }
}

void Scaling::look_soon(const ObjectName& name) {
    to_look_at_.insert(name);
    if (to_look_at_.size() == 1)
        look_timer_->arm(parts_.time.now() + look_after, [this] { look(); });
}

void Scaling::look() {
    for (const ObjectName& name : std::exchange(to_look_at_, {})) {
        if (Scaled* const scaled = find(name)) demand(name, *scaled);
    }
}

// For what waits now, if anything does.
void Scaling::demand(const ObjectName& name, Scaled& scaled) {
    const Instant now = parts_.time.now();
    const LoadBook::Load load = book_.present(to_string(name), now);
    if (load.waiting == 0) return;
    autoscaler::Demand demand;
    demand.concurrency = static_cast<std::uint32_t>(load.present);
    demand.waiting = static_cast<std::uint32_t>(load.waiting);
    const WorkloadSource::Workload& workload = parts_.source.workloads().at(name);
    apply(name, scaled, scaled.scaler.demand(now, demand, counts(workload)));
}

void Scaling::every_second() {
    const Instant now = parts_.time.now();
    ++seconds_;
    constexpr auto reports_per_tick = static_cast<unsigned>(
        autoscaler::RevisionScaler::tick_period / autoscaler::RevisionScaler::report_period);
    for (auto& [name, scaled] : scaled_) {
        const LoadBook::Load load = book_.take(to_string(name), now);
        autoscaler::LoadReport report;
        report.concurrency = load.average.value_or(0);
        report.requests = load.arrivals;
        report.present = load.present;
        scaled.scaler.report(now, report);
        const auto workload = parts_.source.workloads().find(name);
        if (seconds_ % reports_per_tick == 0)
            apply(name, scaled, scaled.scaler.tick(now, counts(workload->second)));
        unmark(name, scaled);
    }
    arm();
}

void Scaling::apply(const ObjectName& name, Scaled& scaled, const autoscaler::Decision& decision) {
    if (decision.replicas != decision.before)
        parts_.say(name.name, to_string(name) + ": " + autoscaler::decision_text(decision));
    reconcile(name, scaled);
}

void Scaling::reconcile(const ObjectName& name, Scaled& scaled) {
    if (scaled.writing || !leading_) return;
    const std::int64_t have = parts_.source.workloads().at(name).deployment.replicas;
    const std::int64_t wanted = std::max<autoscaler::PodCount>(scaled.scaler.replicas(), 0);
    if (wanted == have) return;
    scaled.writing = true;
    if (wanted > have)
        parts_.tasks.spawn("scale out", scale_out(name, wanted));
    else
        parts_.tasks.spawn("scale in", scale_in(name, wanted));
}

// --- More pods.

awaitable<void> Scaling::scale_out(ObjectName name, std::int64_t replicas) {
    const std::string problem = co_await write(name, replicas);
    written(name, problem);
}

awaitable<std::string> Scaling::write(ObjectName name, std::int64_t replicas) {
    // Somebody else may lead by now: what was decided here is void.
    if (!leading_) co_return std::string();
    const json body = {{"spec", {{"replicas", replicas}}}};
    const std::string target =
        "/apis/apps/v1/namespaces/" + name.name_space + "/deployments/" + name.name + "/scale";
    const ApiClient::Answer answer = co_await parts_.api.call(merge_patch(target, body));
    std::string problem = kubernetes::problem_of("scaling Deployment " + to_string(name), answer);
    if (problem.empty()) parts_.source.set_replicas(name, replicas);
    co_return problem;
}

void Scaling::written(const ObjectName& name, const std::string& problem) {
    Scaled* const scaled = find(name);
    if (scaled == nullptr) return;
    scaled->writing = false;
    if (problem != scaled->problem && !problem.empty())
        common::log_error("scale_failed", problem, {{"deployment", to_string(name)}});
    scaled->problem = problem;
    // More may have been asked for meanwhile. What failed is tried again at the next decision.
    const auto workload = parts_.source.workloads().find(name);
    const bool short_of = workload != parts_.source.workloads().end() &&
                          scaled->scaler.replicas() > workload->second.deployment.replicas;
    if (problem.empty() && short_of) reconcile(name, *scaled);
}

// --- Fewer pods.

awaitable<void> Scaling::scale_in(ObjectName name, std::int64_t replicas) {
    const auto& workloads = parts_.source.workloads();
    const std::int64_t have = workloads.at(name).deployment.replicas;
    // Those that never got as far as to be asked; Kubernetes takes them first.
    std::int64_t present = 0;
    std::int64_t unborn = 0;
    for (const auto& [pod_name, pod] : parts_.source.pods_of(name)) {
        if (pod.object.leaving) continue;
        ++present;
        if (!pod.routed) ++unborn;
    }
    unborn += std::max<std::int64_t>(have - present, 0);
    const std::int64_t asked = std::max<std::int64_t>(have - replicas - unborn, 0);
    const std::vector<std::string> idle = co_await idle_pods(name, static_cast<std::size_t>(asked));
    const std::int64_t count =
        std::min(have - replicas, unborn + static_cast<std::int64_t>(idle.size()));
    std::string problem;
    if (count < have) {  // else all go, whatever they cost
        for (const std::string& pod : idle) {
            if (problem.empty()) problem = co_await set_cost(name.name_space, pod, true);
            Scaled* const scaled = find(name);
            if (scaled != nullptr) scaled->marked[pod] = parts_.time.now();
        }
    }
    // A burst that came meanwhile wants them all.
    Scaled* const scaled = find(name);
    const bool still_wanted = scaled != nullptr && scaled->scaler.replicas() <= have - count;
    if (problem.empty() && count > 0 && still_wanted) problem = co_await write(name, have - count);
    written(name, problem);
}

// At most `count` of the Deployment's pods that have no request of anybody, in the order in which
// they should go.
awaitable<std::vector<std::string>> Scaling::idle_pods(ObjectName name, std::size_t count) {
    std::vector<std::string> idle;
    const auto workload = parts_.source.workloads().find(name);
    if (count == 0 || workload == parts_.source.workloads().end()) co_return idle;
    const Router& router = parts_.gateway.router();
    struct Candidate {
        std::string name;
        common::Address queue_proxy;
    };
    std::vector<Candidate> candidates;
    const std::size_t all = parts_.source.pods_of(name).size();
    for (const PodId id : router.idle_pods(workload->second.id, all)) {
        const std::optional<PodView> view = router.pod_view(id);
        const Pod* pod = router.pod(id);
        // A web page's event stream or a job that it started is use of the pod, though no slot is
        // taken.
        if (pod != nullptr && view && view->controls == 0)
            candidates.push_back({pod->name, pod->address});
    }
    for (Candidate& candidate : candidates) {
        if (idle.size() >= count) break;
        const bool nobody = co_await is_idle(candidate.queue_proxy);
        if (nobody) idle.push_back(std::move(candidate.name));
    }
    co_return idle;
}

// Whether the queue-proxy had no request in the last second (contract queue-proxy.md 6). One that
// does not answer has none either.
awaitable<bool> Scaling::is_idle(common::Address queue_proxy) {
    common::FetchRequest request;
    request.address = std::move(queue_proxy);
    request.address.port = queue_proxy_stats_port;
    request.timeout = ask_timeout;
    request.head.method = "GET";
    request.head.target = "/metrics";
    const common::FetchResult result = co_await common::fetch(parts_.time, std::move(request));
    if (result.ec || result.head.status != 200) co_return true;
    const std::optional<common::Stat> stat = common::decode_stat(result.body);
    co_return !stat || (stat->average_concurrent_requests == 0 && stat->request_count == 0);
}

awaitable<std::string> Scaling::set_cost(std::string name_space, std::string pod, bool low) {
    json annotations = json::object();
    annotations[deletion_cost] = nullptr;
    if (low) annotations[deletion_cost] = low_cost;
    const json body = {{"metadata", {{"annotations", std::move(annotations)}}}};
    const std::string target = "/api/v1/namespaces/" + name_space + "/pods/" + pod;
    const ApiClient::Answer answer = co_await parts_.api.call(merge_patch(target, body));
    if (answer.problem.empty() && answer.status == 404) co_return std::string();  // it is gone
    co_return kubernetes::problem_of("marking pod " + name_space + "/" + pod, answer);
}

// Pods that were marked and stay: those of a scale-in that a burst has overtaken, or that another
// leader began.
void Scaling::unmark(const ObjectName& name, Scaled& scaled) {
    if (scaled.writing) return;
    const Instant now = parts_.time.now();
    for (const auto& [pod_name, pod] : parts_.source.pods_of(name)) {
        if (!pod.object.marked || pod.object.leaving) continue;
        const auto marked = scaled.marked.find(pod_name);
        if (marked != scaled.marked.end() && now - marked->second < mark_life) continue;
        scaled.marked[pod_name] = now;  // asked for; again if it does not help
        parts_.tasks.spawn("unmark", take_cost_away(name, pod_name));
    }
    std::erase_if(scaled.marked, [&](const auto& one) {
        return !parts_.source.pods_of(name).contains(one.first);
    });
}

awaitable<void> Scaling::take_cost_away(ObjectName name, std::string pod) {
    const std::string problem = co_await set_cost(name.name_space, std::move(pod), false);
    if (!problem.empty())
        common::log_warning("unmark_failed", problem, {{"deployment", to_string(name)}});
}

}  // namespace activator::standalone
