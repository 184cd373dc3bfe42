#include "activator/kubernetes/cluster_source.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "autoscaler/annotations.hpp"
#include "autoscaler/scaling_policy.hpp"
#include "common/log/log.hpp"
#include "common/protocol/headers.hpp"

namespace activator::kubernetes {
namespace {

constexpr std::int64_t concurrency_max = 1000;  // Knative's upper bound
constexpr std::int64_t timeout_seconds_max = 86400;
// contract activator.md 1.4
constexpr std::uint16_t pod_tls_port = 8112;
constexpr std::uint16_t service_tls_port = 443;
constexpr std::string_view kpa_class = "kpa.autoscaling.knative.dev";
constexpr std::string_view session_prefix = "serving.knative.dev.alibabacloud/";

Duration seconds_of(std::int64_t seconds) {
    return std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, timeout_seconds_max));
}

ProbeAnswer answer_of(const common::FetchResult& result) {
    if (says_ready(result)) return ProbeAnswer::ready;
    if (ran_late(result)) return ProbeAnswer::late;
    const bool silent = result.ec || result.head.status == 502 || result.head.status == 503;
    return silent ? ProbeAnswer::silent : ProbeAnswer::refused;
}

bool has_sessions(const common::Knobs& knobs) {
    return knobs.affinity.enabled || !knobs.affinity_header.empty();
}

}  // namespace

ClusterSource::ClusterSource(Gateway& gateway, common::TaskGroup& tasks, common::TimeSource& time,
                             SourceRules rules)
    : gateway_(gateway), tasks_(tasks), time_(time), rules_(std::move(rules)) {}

void ClusterSource::close() {
    closed_ = true;
    for (auto& [name, entry] : entries_)
        entry.live.reset();
}

std::optional<std::string> ClusterSource::namespace_of(const common::Address& address) const {
    const auto it = namespaces_.find(address);
    if (it == namespaces_.end()) return std::nullopt;
    return it->second;
}

// --- Revisions.

void ClusterSource::on_revision(RevisionObject object) {
    Entry& entry = entries_[object.name];
    if (entry.object == object) return;
    // The service is part of what sessions and routes hang on: another one is another revision.
    if (entry.object && entry.object->service != object.service) drop(entry);
    entry.object = std::move(object);
    apply(entry);
}

void ClusterSource::on_revision_gone(const ObjectName& name) {
    const auto it = entries_.find(name);
    if (it == entries_.end()) return;
    drop(it->second);
    it->second.object.reset();
    forget_if_empty(name);
}

void ClusterSource::on_service(const ObjectName& name, Annotations annotations) {
    std::erase_if(annotations,
                  [](const auto& one) { return !one.first.starts_with(session_prefix); });
    Annotations& known = services_[name];
    if (known == annotations) return;
    known = std::move(annotations);
    for (auto& [revision, entry] : entries_) {
        const bool belongs = entry.object && revision.name_space == name.name_space &&
                             entry.object->service == name.name;
        if (belongs) apply(entry);
    }
}

void ClusterSource::on_service_gone(const ObjectName& name) {
    on_service(name, {});
    services_.erase(name);
}

Revision ClusterSource::revision_of(const RevisionObject& object) const {
    Revision revision;
    revision.name_space = object.name.name_space;
    revision.name = object.name.name;
    revision.service = object.service;
    revision.configuration = object.configuration;
    revision.concurrency = static_cast<std::uint32_t>(
        std::clamp<std::int64_t>(object.concurrency, 0, concurrency_max));
    revision.timeout = seconds_of(std::max<std::int64_t>(object.timeout_seconds, 1));
    revision.response_start_timeout = seconds_of(object.response_start_seconds);
    revision.idle_timeout = seconds_of(object.idle_seconds);
    if (rules_.backends.passthrough)
        revision.passthrough_host =
            private_service_name(object.name.name) + "." + object.name.name_space;
    Annotations all = object.annotations;
    const auto service = services_.find({object.name.name_space, object.service});
    if (service != services_.end())
        all.insert(all.end(), service->second.begin(), service->second.end());
    common::KnobsResult parsed = common::parse_knobs(all);
    for (const common::KnobProblem& wrong : parsed.problems)
        common::log_warning(
            "annotation", wrong.message,
            {{"revision", to_string(object.name)}, {"annotation", wrong.annotation}});
    revision.knobs = std::move(parsed.knobs);
    revision.report_utilization = report_utilization(object, revision.knobs);
    return revision;
}

// Only a stock autoscaler that counts concurrency divides by a target that we could know.
std::optional<double> ClusterSource::report_utilization(const RevisionObject& object,
                                                        const common::Knobs& knobs) const {
    if (!knobs.shape_reports) return std::nullopt;
    const autoscaler::ParsedAnnotations parsed =
        autoscaler::parse_annotations(object.annotations, autoscaler_);
    if (!parsed.problems.empty()) return std::nullopt;
    const autoscaler::RevisionScaling& scaling = parsed.scaling;
    const std::string kind = scaling.class_name.value_or(autoscaler_.pod_autoscaler_class);
    const auto metric = scaling.metric.value_or(autoscaler::Metric::concurrency);
    if (kind != kpa_class || metric != autoscaler::Metric::concurrency) return std::nullopt;
    const auto concurrency = static_cast<std::uint32_t>(
        std::clamp<std::int64_t>(object.concurrency, 0, concurrency_max));
    const autoscaler::DeciderSpec spec =
        autoscaler::resolve_policy(scaling, autoscaler_, concurrency).decider;
    return std::clamp(spec.target / spec.total, 0.0, 1.0);
}

void ClusterSource::on_autoscaler_config(const std::map<std::string, std::string>& data) {
    const std::vector<autoscaler::KeyValue> values(data.begin(), data.end());
    autoscaler::ParsedConfig parsed = autoscaler::parse_config(values);
    // Stock's webhook lets none in that is wrong; then what is known stays.
    if (!parsed.problems.empty()) {
        common::log_warning("config_autoscaler", parsed.problems.front().text, {});
        return;
    }
    autoscaler_ = std::move(parsed.config);
    for (auto& [name, entry] : entries_) {
        if (entry.live) apply(entry);
    }
}

void ClusterSource::apply(Entry& entry) {
    if (closed_ || !entry.object) return;
    if (!entry.live) {
        go_live(entry);
    } else {
        gateway_.update_revision(entry.live->id, revision_of(*entry.object));
    }
    feed(entry);
}

void ClusterSource::go_live(Entry& entry) {
    const RevisionId id = gateway_.add_revision(revision_of(*entry.object));
    entry.live.emplace(Live{id, Backends(rules_.backends), {}, {}, {}, time_.make_timer()});
}

void ClusterSource::drop(Entry& entry) {
    if (!entry.live) return;
    for (const auto& [address, pod] : entry.live->pods)
        namespaces_.erase(request_address(address, pod_tls_port));
    if (!entry.live->cluster_address.empty())
        namespaces_.erase(request_address(entry.live->cluster_address, service_tls_port));
    gateway_.remove_revision(entry.live->id);
    entry.live.reset();
}

void ClusterSource::forget_if_empty(const ObjectName& name) {
    const auto it = entries_.find(name);
    const Entry& entry = it->second;
    if (!entry.endpoints && !entry.service)
        private_names_.erase({name.name_space, private_service_name(name.name)});
    if (!entry.object && !entry.endpoints && !entry.service) entries_.erase(it);
}

// --- Endpoints and Services.

void ClusterSource::on_private_endpoints(EndpointsObject object) {
    if (object.revision.empty()) return;
    const ObjectName revision{object.name.name_space, object.revision};
    private_names_[object.name] = object.revision;
    Entry& entry = entries_[revision];
    entry.endpoints = std::move(object);
    feed(entry);
}

void ClusterSource::on_private_endpoints_gone(const ObjectName& name) {
    const auto known = private_names_.find(name);
    if (known == private_names_.end()) return;
    const ObjectName revision{name.name_space, known->second};
    const auto it = entries_.find(revision);
    if (it == entries_.end()) return;
    it->second.endpoints.reset();
    feed(it->second);
    forget_if_empty(revision);
}

void ClusterSource::on_private_service(ServiceObject object) {
    if (object.revision.empty()) return;
    const ObjectName revision{object.name.name_space, object.revision};
    private_names_[object.name] = object.revision;
    Entry& entry = entries_[revision];
    entry.service = std::move(object);
    feed(entry);
}

void ClusterSource::on_private_service_gone(const ObjectName& name) {
    const auto known = private_names_.find(name);
    if (known == private_names_.end()) return;
    const ObjectName revision{name.name_space, known->second};
    const auto it = entries_.find(revision);
    if (it == entries_.end()) return;
    it->second.service.reset();
    feed(it->second);
    forget_if_empty(revision);
}

void ClusterSource::on_public_endpoints(const EndpointsObject& object) {
    if (object.revision.empty()) return;
    Entry& entry = entries_[{object.name.name_space, object.revision}];
    std::vector<std::string> activators;
    for (const auto* addresses : {&object.http1, &object.h2c}) {
        for (const Backend& backend : addresses->ready)
            activators.push_back(backend.address);
    }
    entry.place = place_among(std::move(activators), rules_.own_ip, entry.place);
    refresh(entry);
}

// Tells the backends all that is known.
void ClusterSource::feed(Entry& entry) {
    if (!entry.live) return;
    const Instant now = time_.now();
    Backends& backends = entry.live->backends;
    const bool h2c = entry.object->h2c;
    backends.set_early(entry.object->early, now);
    std::string cluster;
    if (entry.service) cluster = h2c ? entry.service->h2c_address : entry.service->http1_address;
    backends.set_cluster_address(std::move(cluster), now);
    static const EndpointsObject::Addresses none;
    const EndpointsObject::Addresses& listed = entry.endpoints ? entry.endpoints->of(h2c) : none;
    backends.set_endpoints(listed.ready, listed.not_ready, now);
    refresh(entry);
}

// Makes the probes that are due and takes the routing over to the gateway.
void ClusterSource::refresh(Entry& entry) {
    if (closed_ || !entry.live) return;
    Live& live = *entry.live;
    const ObjectName& name = entry.object->name;
    for (Backends::Probe& due : live.backends.take_probes()) {
        const std::optional<common::Address> address = common::parse_address(due.address);
        if (!address) continue;
        common::FetchRequest request = probe_request(*address, rules_.probe_timeout);
        const std::shared_ptr<const Revision> revision = gateway_.router().revision(live.id);
        if (!revision->passthrough_host.empty()) {
            request.head.fields.set("Host", revision->passthrough_host);
            request.head.fields.set(common::headers::passthrough_lb, "true");
        }
        tasks_.spawn("probe", probe(name, live.id, std::move(due), std::move(request)));
    }
    const Backends::Routing routing = live.backends.routing();
    take_over_pods(entry, routing);
    take_over_cluster(entry, routing);
    const Instant next = live.backends.next_deadline();
    if (next == Instant::max()) {
        live.timer->disarm();
        return;
    }
    live.timer->arm(next, [this, name] {
        const auto it = entries_.find(name);
        if (it == entries_.end() || !it->second.live) return;
        it->second.live->backends.tick(time_.now());
        refresh(it->second);
    });
}

common::awaitable<void> ClusterSource::probe(ObjectName name, RevisionId id, Backends::Probe probe,
                                             common::FetchRequest request) {
    const ProbePlaces::Place place = co_await gateway_.probe_places().take(probe.late);
    if (!place || live_of(name, id) == nullptr) co_return;
    const common::FetchResult result = co_await common::fetch(time_, std::move(request));
    Entry* const entry = live_of(name, id);
    if (entry == nullptr) co_return;
    entry->live->backends.probe_answered(probe.address, probe.id, answer_of(result), time_.now());
    refresh(*entry);
}

ClusterSource::Entry* ClusterSource::live_of(const ObjectName& name, RevisionId id) {
    const auto it = entries_.find(name);
    const bool is_live = !closed_ && it != entries_.end() && it->second.live;
    return is_live && it->second.live->id == id ? &it->second : nullptr;
}

// --- What the gateway gets.

std::vector<Backends::Usable> ClusterSource::own_slice(const Entry& entry,
                                                       std::vector<Backends::Usable> all) const {
    const std::shared_ptr<const Revision> revision = gateway_.router().revision(entry.live->id);
    if (rules_.share_pods || has_sessions(revision->knobs)) return all;
    std::vector<Backends::Usable> own;
    for (const std::size_t index : assign_slice(all.size(), entry.place, revision->concurrency))
        own.push_back(std::move(all[index]));
    return own;
}

void ClusterSource::take_over_pods(Entry& entry, const Backends::Routing& routing) {
    Live& live = *entry.live;
    const std::vector<Backends::Usable> wanted = own_slice(entry, routing.pods);
    std::map<std::string, const Backends::Usable*> by_address;
    for (const Backends::Usable& usable : wanted)
        by_address[usable.backend.address] = &usable;
    std::set<std::string> usable_anywhere;
    for (const Backends::Usable& usable : routing.pods)
        usable_anywhere.insert(usable.backend.address);
    // Those that went first: a pod that came back at another address has the same session tag.
    for (auto it = live.pods.begin(); it != live.pods.end();) {
        const auto& [address, pod] = *it;
        const auto found = by_address.find(address);
        const bool stays = found != by_address.end() && found->second->backend.pod == pod.name;
        // It exists, but is not ready now: what waits for it goes on waiting.
        const bool pauses = found == by_address.end() && live.backends.has(address) &&
                            !usable_anywhere.contains(address) && routing.cluster_address.empty();
        if (!stays && !pauses) {
            remove_pod(request_address(address, pod_tls_port), pod.id);
            it = live.pods.erase(it);
            continue;
        }
        if (pod.ready != stays) gateway_.set_pod_ready(pod.id, stays);
        it->second.ready = stays;
        ++it;
    }
    for (const auto& [address, usable] : by_address) {
        if (!live.pods.contains(address)) add_pod(entry, *usable);
    }
}

void ClusterSource::add_pod(Entry& entry, const Backends::Usable& usable) {
    const std::string& address = usable.backend.address;
    ReadyPod pod;
    pod.name = usable.backend.pod;
    pod.address = request_address(address, pod_tls_port);
    if (!usable.trusted) pod.probe_at = common::parse_address(address);
    namespaces_[pod.address] = entry.object->name.name_space;
    const PodId id = gateway_.add_ready_pod(entry.live->id, std::move(pod));
    entry.live->pods[address] = {id, usable.backend.pod, true};
}

void ClusterSource::remove_pod(const common::Address& address, PodId id) {
    namespaces_.erase(address);
    gateway_.remove_pod(id);
}

void ClusterSource::take_over_cluster(Entry& entry, const Backends::Routing& routing) {
    Live& live = *entry.live;
    std::size_t count = 0;
    if (!routing.cluster_address.empty()) {
        // contract activator.md 3.2: our share of the slots of the ready pods, at least one.
        const std::size_t activators = std::max<std::size_t>(entry.place.activators, 1);
        count = std::max<std::size_t>(routing.ready / activators, 1);
    }
    const bool moved = live.cluster_address != routing.cluster_address;
    while (!live.cluster_pods.empty() && (moved || live.cluster_pods.size() > count)) {
        remove_pod(request_address(live.cluster_address, service_tls_port),
                   live.cluster_pods.back());
        live.cluster_pods.pop_back();
    }
    live.cluster_address = routing.cluster_address;
    if (count == 0) return;
    const std::string& name_space = entry.object->name.name_space;
    const std::string name = private_service_name(entry.object->name.name);
    const common::Address address = request_address(live.cluster_address, service_tls_port);
    namespaces_[address] = name_space;
    while (live.cluster_pods.size() < count) {
        ReadyPod pod;
        pod.name = name + "#" + std::to_string(live.cluster_pods.size());
        pod.address = address;
        live.cluster_pods.push_back(gateway_.add_ready_pod(live.id, std::move(pod)));
    }
}

common::Address ClusterSource::request_address(const std::string& address,
                                               std::uint16_t tls_port) const {
    common::Address parsed = common::parse_address(address).value_or(common::Address{});
    if (rules_.internal_tls) parsed.port = tls_port;
    return parsed;
}

}  // namespace activator::kubernetes
