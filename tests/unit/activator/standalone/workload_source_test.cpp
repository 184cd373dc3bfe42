// Deployments and pods as the watches tell of them; what the gateway makes of it, and what this
// activator says that there is to do.
#include "activator/standalone/workload_source.hpp"

#include <catch2/catch.hpp>

#include "tests/support/shell_fixture.hpp"

namespace activator::standalone {
namespace {

using std::chrono::seconds;

GatewayOptions options() {
    GatewayOptions made;
    made.cookie_keys = {"0123456789abcdef"};
    return made;
}

struct Fixture : common::ShellFixture {
    Fixture() : gateway(new Gateway(tasks, time, hangups, options())), source(*gateway) {
        source.on_change([this](const ObjectName& name) { changed.push_back(to_string(name)); });
    }
    ~Fixture() {
        gateway->close_now();
        common::run_until(io, [this] {
            time.advance(seconds(1));
            return tasks.size() == 0;
        });
    }

    static DeploymentObject deployment(Annotations annotations = {}) {
        return {{"shop", "sd"}, true, std::move(annotations), 1};
    }
    // Nobody listens there: it is never ready by itself.
    static PodObject pod(const std::string& name, const std::string& ip = "127.0.0.9") {
        PodObject object;
        object.name = {"shop", name};
        object.deployment = "sd";
        object.ip = ip;
        object.proxied = true;
        return object;
    }
    RevisionId id() const { return source.workloads().at({"shop", "sd"}).id; }
    std::vector<std::string> routed() const {
        std::vector<std::string> names;
        for (const Pod* one : gateway->router().pods(id()))
            names.push_back(one->name);
        return names;
    }
    bool drains(const std::string& name) const {
        const auto& known = source.pods_of({"shop", "sd"}).at(name);
        return gateway->router().pod_view(*known.routed)->draining;
    }

    std::unique_ptr<Gateway> gateway;
    WorkloadSource source;
    std::vector<std::string> changed;
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE_METHOD(Fixture, "workloads: pods and their Deployment come in any order",
                 "[activator][standalone]") {
    source.on_pod(pod("a"));
    source.on_deployment(deployment());
    source.on_pod(pod("b"));
    CHECK(routed() == Names{"a", "b"});
    CHECK(changed == Names{"shop/sd"});
    const auto revision = gateway->router().revision(id());
    CHECK(revision->service == "sd");
    CHECK(revision->concurrency == 1);
    source.on_deployment(deployment());  // nothing new
    CHECK(changed.size() == 1);
    source.on_deployment(deployment({{"sluice.dev/container-concurrency", "3"}}));
    CHECK(changed.size() == 2);
    CHECK(gateway->router().revision(id())->concurrency == 3);
    source.on_deployment_gone({"shop", "sd"});
    CHECK(source.workloads().empty());
    CHECK(gateway->router().revisions().empty());
    // Its pods go after it; a Deployment of that name that comes back has them again.
    source.on_deployment(deployment());
    CHECK(routed() == Names{"a", "b"});
}

TEST_CASE_METHOD(Fixture, "workloads: without the label it is nobody's",
                 "[activator][standalone]") {
    DeploymentObject other = deployment();
    other.ours = false;
    source.on_deployment(other);
    CHECK(source.workloads().empty());
    source.on_deployment(deployment());
    source.on_deployment(other);
    CHECK(source.workloads().empty());
}

TEST_CASE_METHOD(Fixture, "workloads: which pods may get requests", "[activator][standalone]") {
    source.on_deployment(deployment());
    source.on_pod(pod("no-address", ""));
    PodObject bare = pod("no-proxy");
    bare.proxied = false;
    source.on_pod(bare);
    PodObject late = pod("only-the-kubelet-knows");
    late.early = false;
    source.on_pod(late);
    CHECK(routed().empty());
    CHECK(gateway->unrouted_pods(id()).size() == 3);
    late.ready = true;
    source.on_pod(late);
    source.on_pod(pod("no-address", "127.0.0.8"));
    CHECK(routed().size() == 2);
    source.on_pod(pod("no-address", "127.0.0.7"));  // started anew by the kubelet
    CHECK(gateway->router().pods(id()).back()->address.host == "127.0.0.7");
}

TEST_CASE_METHOD(Fixture, "workloads: one that leaves gets nothing more, and is gone when it is",
                 "[activator][standalone]") {
    source.on_deployment(deployment());
    source.on_pod(pod("a"));
    CHECK_FALSE(drains("a"));
    PodObject leaving = pod("a");
    leaving.leaving = true;
    source.on_pod(leaving);
    CHECK(drains("a"));
    source.on_pod_gone({"shop", "a"});
    CHECK(routed().empty());
    CHECK(source.pods_of({"shop", "sd"}).empty());
    source.on_pod_gone({"shop", "a"});
}

TEST_CASE_METHOD(Fixture, "workloads: the autoscaler's settings change the policy",
                 "[activator][standalone]") {
    source.on_deployment(deployment());
    autoscaler::Config config;
    config.scale_to_zero_grace_period = seconds(7);
    source.on_autoscaler_config(config);
    CHECK(source.workloads().begin()->second.policy.scaling.to_zero.grace == seconds(7));
    CHECK(changed.size() == 2);
}

}  // namespace activator::standalone
