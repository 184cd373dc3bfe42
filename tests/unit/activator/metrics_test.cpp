// The router's own family on the admin port.
#include <catch2/catch.hpp>

#include "activator/gateway.hpp"
#include "activator/status.hpp"
#include "tests/support/metrics_text.hpp"
#include "tests/support/shell_fixture.hpp"

namespace activator {
namespace {

struct Fixture : common::ShellFixture {
    static GatewayOptions options(common::MetricsOf program) {
        GatewayOptions made;
        made.cookie_keys = {"0123456789abcdef"};
        made.metrics_of = program;
        return made;
    }
    explicit Fixture(common::MetricsOf program) : gateway(tasks, time, hangups, options(program)) {
        Revision revision;
        revision.name_space = "default";
        revision.service = "sd";
        revision.name = "sd-00001";
        id = gateway.add_revision(std::move(revision));
    }
    ~Fixture() {
        gateway.close_now();
        time.settle();
    }

    Gateway gateway;
    RevisionId id;
};

const std::set<std::string> of_revision = {"namespace_name", "service_name", "revision_name"};

}  // namespace

TEST_CASE("metrics: the router shows what the table lists for it", "[activator]") {
    const auto program = GENERATE(common::of_activator, common::of_sluice);
    Fixture f(program);
    CHECK(common::differences(metrics_text(f.gateway), program, of_revision) == "");
}

TEST_CASE("metrics: pods are counted by state, unrouted ones too", "[activator]") {
    Fixture f(common::of_sluice);
    f.gateway.list_unrouted_pods(
        [](RevisionId) { return std::vector<UnroutedPod>{{"p", "pending", "no free GPU", {}}}; });
    const PodId pod = f.gateway.router().add_pod(f.id, "sd-a", {"127.0.0.1", 1, {}});
    f.gateway.router().set_pod_ready(pod, true);
    const std::string text = metrics_text(f.gateway);
    const std::string labels =
        "{namespace_name=\"default\",service_name=\"sd\",revision_name=\"sd-00001\",state=\"";
    CHECK(text.find("sluice_pods" + labels + "pending\"} 1\n") != std::string::npos);
    CHECK(text.find("sluice_pods" + labels + "idle\"} 1\n") != std::string::npos);
    CHECK(text.find("sluice_pods" + labels + "busy\"} 0\n") != std::string::npos);
    CHECK(text.find("sluice_slots" + labels + "free\"} 1\n") != std::string::npos);
}

}  // namespace activator
