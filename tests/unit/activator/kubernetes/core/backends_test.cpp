#include "activator/kubernetes/core/backends.hpp"

#include <catch2/catch.hpp>

using namespace std::chrono_literals;
using namespace activator::kubernetes;

namespace {

// Backends with a clock, and the probes that were asked for since the test last looked.
struct Rig {
    explicit Rig(BackendRules rules = {}) : backends(rules) {
        backends.set_early(true, now);
        backends.set_cluster_address("10.96.0.7:80", now);
    }
    void endpoints(std::vector<std::string> ready, std::vector<std::string> not_ready = {}) {
        backends.set_endpoints(named(ready), named(not_ready), now);
    }
    static std::vector<Backend> named(const std::vector<std::string>& addresses) {
        std::vector<Backend> all;
        for (const std::string& address : addresses)
            all.push_back({address, "pod-" + address});
        return all;
    }
    // Addresses that are to be probed now.
    std::vector<std::string> probed() {
        std::vector<std::string> addresses;
        for (const Backends::Probe& probe : backends.take_probes()) {
            under_way[probe.address] = probe.id;
            late[probe.address] = probe.late;
            addresses.push_back(probe.address);
        }
        return addresses;
    }
    void answer(const std::string& address, ProbeAnswer answer) {
        probed();
        backends.probe_answered(address, under_way.at(address), answer, now);
    }
    void pass(activator::kubernetes::Duration time) {
        now += time;
        backends.tick(now);
    }
    std::vector<std::string> usable() const {
        std::vector<std::string> addresses;
        for (const Backends::Usable& one : backends.routing().pods)
            addresses.push_back(one.backend.address);
        return addresses;
    }
    std::string cluster() const { return backends.routing().cluster_address; }

    Instant now = Instant(1000s);
    Backends backends;
    std::map<std::string, std::uint64_t> under_way;
    std::map<std::string, bool> late;
};

using Strings = std::vector<std::string>;
const std::string a = "10.0.0.1:8012";
const std::string b = "10.0.0.2:8012";
const std::string cluster = "10.96.0.7:80";

BackendRules with(MeshMode mesh, bool passthrough = false) {
    BackendRules rules;
    rules.mesh = mesh;
    rules.passthrough = passthrough;
    return rules;
}

}  // namespace

TEST_CASE("backends: a pod is used as soon as its probe passes, ready or not (row 36)") {
    Rig rig;
    rig.endpoints({}, {a});
    REQUIRE(rig.probed() == Strings{a});
    REQUIRE(rig.usable().empty());
    rig.answer(a, ProbeAnswer::ready);
    REQUIRE(rig.usable() == Strings{a});
    REQUIRE(rig.backends.next_deadline() == Instant::max());
}

TEST_CASE("backends: with a startup probe a pod waits for Kubernetes (row 37)") {
    Rig rig;
    rig.backends.set_early(false, rig.now);
    rig.endpoints({}, {a});
    REQUIRE(rig.probed().empty());
    rig.endpoints({a});
    REQUIRE(rig.probed() == Strings{a});
    rig.answer(a, ProbeAnswer::ready);
    REQUIRE(rig.usable() == Strings{a});
}

TEST_CASE(
    "backends: a pod that answers otherwise is asked again and no mesh is suspected (row 38)") {
    Rig rig;
    rig.endpoints({a});
    rig.answer(a, ProbeAnswer::refused);
    REQUIRE(rig.usable().empty());
    REQUIRE(rig.probed().empty());
    REQUIRE(rig.backends.next_deadline() == rig.now + 200ms);
    rig.pass(199ms);
    REQUIRE(rig.probed().empty());
    rig.pass(1ms);
    REQUIRE(rig.probed() == Strings{a});
    REQUIRE(rig.cluster().empty());
}

TEST_CASE("backends: in a mesh the ClusterIP takes over, and a pod that answers ends it (row 39)") {
    Rig rig;
    rig.endpoints({a, b});
    rig.answer(a, ProbeAnswer::silent);
    REQUIRE(rig.probed().empty());
    rig.answer(b, ProbeAnswer::silent);
    REQUIRE(rig.probed() == Strings{cluster});
    rig.answer(cluster, ProbeAnswer::ready);
    REQUIRE(rig.cluster() == cluster);
    REQUIRE(rig.backends.routing().ready == 2);
    // Asked on, ever less often than before.
    rig.pass(200ms);
    REQUIRE(rig.probed() == Strings{a, b});
    rig.answer(a, ProbeAnswer::silent);
    rig.answer(b, ProbeAnswer::silent);
    rig.pass(999ms);
    REQUIRE(rig.probed().empty());
    rig.pass(1ms);
    REQUIRE(rig.probed() == Strings{a, b});
    rig.answer(b, ProbeAnswer::ready);
    REQUIRE(rig.cluster().empty());
    REQUIRE(rig.usable() == Strings{b});
}

TEST_CASE("backends: no answer in time is silence, and the next probe says so") {
    Rig rig;
    rig.endpoints({a, b});
    rig.answer(a, ProbeAnswer::late);
    rig.answer(b, ProbeAnswer::silent);
    REQUIRE(rig.probed() == Strings{cluster});
    rig.pass(200ms);
    REQUIRE(rig.probed() == Strings{a, b});
    REQUIRE(rig.late[a]);
    REQUIRE(!rig.late[b]);
    rig.answer(a, ProbeAnswer::refused);
    rig.pass(200ms);
    REQUIRE(rig.probed() == Strings{a});
    REQUIRE(!rig.late[a]);
}

TEST_CASE("backends: one pod that is reached is no mesh") {
    Rig rig;
    rig.endpoints({a, b});
    rig.answer(a, ProbeAnswer::silent);
    rig.answer(b, ProbeAnswer::ready);
    REQUIRE(rig.probed().empty());
    REQUIRE(rig.usable() == Strings{b});
    rig.endpoints({a});
    REQUIRE(rig.probed() == Strings{cluster});
}

TEST_CASE("backends: without a mesh Kubernetes is trusted (row 40)") {
    Rig rig(with(MeshMode::disabled));
    rig.endpoints({a}, {b});
    REQUIRE(rig.probed() == Strings{b});
    REQUIRE(rig.usable() == Strings{a});
    REQUIRE(rig.backends.routing().pods.front().trusted);
    rig.answer(b, ProbeAnswer::silent);
    rig.pass(200ms);
    REQUIRE(rig.probed() == Strings{b});
    REQUIRE(rig.cluster().empty());
}

TEST_CASE("backends: with a mesh only the ClusterIP is asked, every 200 ms (row 41)") {
    Rig rig(with(MeshMode::enabled));
    rig.endpoints({}, {a});
    REQUIRE(rig.probed().empty());
    rig.endpoints({a});
    REQUIRE(rig.probed() == Strings{cluster});
    rig.answer(cluster, ProbeAnswer::silent);
    rig.pass(200ms);
    REQUIRE(rig.probed() == Strings{cluster});
    rig.answer(cluster, ProbeAnswer::ready);
    REQUIRE(rig.cluster() == cluster);
    REQUIRE(rig.backends.next_deadline() == Instant::max());
    // A ClusterIP without ready pods leads nowhere.
    rig.endpoints({}, {a});
    REQUIRE(rig.cluster().empty());
}

TEST_CASE("backends: pods that the mesh lets through need no ClusterIP (row 42)") {
    Rig rig(with(MeshMode::automatic, true));
    rig.endpoints({a});
    rig.answer(a, ProbeAnswer::silent);
    REQUIRE(rig.probed().empty());
    rig.pass(200ms);
    REQUIRE(rig.probed() == Strings{a});
}

TEST_CASE("backends: a pod that falls out of ready is asked again at once (row 44)") {
    Rig rig;
    rig.endpoints({a});
    rig.answer(a, ProbeAnswer::ready);
    rig.endpoints({}, {a});
    REQUIRE(rig.usable().empty());
    REQUIRE(rig.probed() == Strings{a});
    rig.answer(a, ProbeAnswer::ready);
    REQUIRE(rig.usable() == Strings{a});
}

TEST_CASE("backends: when all addresses vanish nothing is left (row 45)") {
    Rig rig;
    rig.endpoints({a});
    rig.answer(a, ProbeAnswer::ready);
    rig.endpoints({});
    REQUIRE(rig.usable().empty());
    REQUIRE(rig.cluster().empty());
    REQUIRE(rig.backends.next_deadline() == Instant::max());
}

TEST_CASE("backends: another pod at the same address has its own probe") {
    Rig rig;
    rig.endpoints({a});
    rig.answer(a, ProbeAnswer::ready);
    rig.backends.set_endpoints({{a, "pod-later"}}, {}, rig.now);
    REQUIRE(rig.usable().empty());
    REQUIRE(rig.probed() == Strings{a});
}

TEST_CASE("backends: an answer that comes too late means nothing") {
    Rig rig;
    rig.endpoints({a});
    rig.probed();
    const std::uint64_t old = rig.under_way.at(a);
    rig.endpoints({});
    rig.endpoints({a});
    rig.backends.probe_answered(a, old, ProbeAnswer::ready, rig.now);
    REQUIRE(rig.usable().empty());
}

TEST_CASE("backends: a slow answer is not followed by another probe before its time") {
    Rig rig;
    rig.endpoints({a});
    rig.probed();
    rig.pass(300ms);
    REQUIRE(rig.probed().empty());
    rig.answer(a, ProbeAnswer::refused);
    REQUIRE(rig.probed() == Strings{a});
}
