#include "activator/standalone/leadership.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include "activator/kubernetes/json_fields.hpp"
#include "common/log/log.hpp"

namespace activator::standalone {
namespace {

using common::awaitable;
using kubernetes::ApiClient;
using nlohmann::json;

constexpr const char* lease_name = "sluice-activator";
constexpr int not_found = 404;
constexpr int conflict = 409;

LeaseRecord read_lease(const json& object) {
    LeaseRecord record;
    record.holder = kubernetes::text(object, {"spec", "holderIdentity"});
    record.duration_seconds = kubernetes::integer(object, {"spec", "leaseDurationSeconds"}, 0);
    record.acquire_time = kubernetes::text(object, {"spec", "acquireTime"});
    record.renew_time = kubernetes::text(object, {"spec", "renewTime"});
    record.transitions = kubernetes::integer(object, {"spec", "leaseTransitions"}, 0);
    record.version = kubernetes::text(object, {"metadata", "resourceVersion"});
    return record;
}

// MicroTime: six digits.
std::string wall_text(common::TimeSource& time) {
    return common::rfc3339(time.wall_now().time_since_epoch().count());
}

}  // namespace

Leadership::Leadership(common::TaskGroup& tasks, common::TimeSource& time, ApiClient& api,
                       const std::string& name_space, std::string identity, Events events)
    : tasks_(tasks),
      time_(time),
      api_(api),
      name_space_(name_space),
      folder_("/apis/coordination.k8s.io/v1/namespaces/" + name_space + "/leases"),
      election_(std::move(identity)),
      events_(std::move(events)),
      timer_(time.make_timer()),
      deadline_(time.make_timer()) {}

void Leadership::start() {
    tasks_.spawn("leader election", look());
}

void Leadership::look_later() {
    if (stopped_) return;
    timer_->arm(time_.now() + election_.rules().retry,
                [this] { tasks_.spawn("leader election", look()); });
}

awaitable<void> Leadership::look() {
    const std::string problem = co_await take_turn();
    if (problem != problem_ && !problem.empty() && !stopped_)
        common::log_warning("leader_election", problem, {{"lease", lease_name}});
    problem_ = problem;
    settle();
    look_later();
}

// One look at the Lease, and one write if it may be ours.
awaitable<std::string> Leadership::take_turn() {
    const std::string what = std::string("Lease ") + lease_name;
    const ApiClient::Answer found = co_await api_.get(folder_ + "/" + lease_name);
    if (stopped_) co_return std::string();
    std::optional<LeaseRecord> lease;
    const bool fresh = found.problem.empty() && found.status == not_found;
    if (!fresh) {
        std::string problem = kubernetes::problem_of(what, found);
        if (!problem.empty()) co_return problem;
        lease = read_lease(json::parse(found.body, nullptr, false));
    }
    const LeaderElection::Step step = election_.read(std::move(lease), time_.now());
    if (step == LeaderElection::Step::wait || resigned_) co_return std::string();
    ApiClient::Request request = write(election_.next(wall_text(time_)), fresh);
    const Instant sent = time_.now();
    const ApiClient::Answer written = co_await api_.call(std::move(request));
    if (stopped_) co_return std::string();
    if (written.problem.empty() && written.status == conflict) {
        election_.refused();
        co_return std::string();
    }
    std::string problem = kubernetes::problem_of("writing " + what, written);
    if (problem.empty() && !resigned_) election_.written(sent);
    co_return problem;
}

ApiClient::Request Leadership::write(const LeaseRecord& record, bool fresh) const {
    json spec = {{"holderIdentity", record.holder},
                 {"leaseDurationSeconds", record.duration_seconds},
                 {"leaseTransitions", record.transitions}};
    if (!record.acquire_time.empty()) spec["acquireTime"] = record.acquire_time;
    if (!record.renew_time.empty()) spec["renewTime"] = record.renew_time;
    json object = {{"apiVersion", "coordination.k8s.io/v1"},
                   {"kind", "Lease"},
                   {"metadata", {{"name", lease_name}, {"namespace", name_space_}}},
                   {"spec", std::move(spec)}};
    if (!record.version.empty()) object["metadata"]["resourceVersion"] = record.version;
    ApiClient::Request request;
    request.method = fresh ? "POST" : "PUT";
    request.target = fresh ? folder_ : folder_ + "/" + lease_name;
    request.body = object.dump();
    return request;
}

// Tells of a change of hands, and watches our own time.
void Leadership::settle() {
    const bool leads = !stopped_ && !resigned_ && election_.leading(time_.now());
    if (leads)
        deadline_->arm(election_.leads_until(), [this] { settle(); });
    else
        deadline_->disarm();
    if (election_.holder() != known_holder_) {
        known_holder_ = election_.holder();
        common::log_info("leader", leads ? "this activator scales" : "another activator scales",
                         {{"holder", known_holder_}});
    }
    if (leads == std::exchange(leads_, leads)) return;
    if (!leads)
        common::log_warning("leader_lost", "this activator scales no more",
                            {{"holder", election_.holder()}});
    (leads ? events_.on_elected : events_.on_lost)();
}

void Leadership::resign() {
    if (std::exchange(resigned_, true)) return;
    const bool led = leads_;
    election_.stop();
    settle();
    if (led) tasks_.spawn("leader election", let_go(election_.released()));
}

awaitable<void> Leadership::let_go(LeaseRecord record) {
    // What we know of the Lease is one write old: its version is the one before.
    const ApiClient::Answer found = co_await api_.get(folder_ + "/" + lease_name);
    if (!kubernetes::problem_of("", found).empty()) co_return;
    const LeaseRecord now = read_lease(json::parse(found.body, nullptr, false));
    if (now.holder != election_.identity()) co_return;
    record.version = now.version;
    const ApiClient::Answer written = co_await api_.call(write(record, false));
    const std::string problem = kubernetes::problem_of("letting go of the Lease", written);
    if (!problem.empty()) common::log_warning("leader_election", problem, {});
}

void Leadership::stop() {
    stopped_ = true;
    timer_->disarm();
    deadline_->disarm();
    leads_ = false;
}

std::optional<common::Address> Leadership::leader() const {
    const std::string& holder = election_.holder();
    const std::size_t at = holder.rfind('@');
    if (holder == election_.identity() || at == std::string::npos) return std::nullopt;
    return common::parse_address(holder.substr(at + 1));
}

}  // namespace activator::standalone
