// What is answered before a revision is asked for, and how requests name their revision
// (contract activator.md 2.1, 4.1 to 4.3, 10).
#include <catch2/catch.hpp>

#include "tests/support/activator_fixture.hpp"

namespace activator {
namespace {

struct Behind : ActivatorFixture {
    Behind() {
        serve->door.edge = false;
        serve->door.health = [this](std::string_view) { return problem; };
        serve->route = [this](const common::RequestHead& head) {
            const RevisionNames names = revision_names(head, serve->door.cluster_domain);
            return routes.by_name(names.name_space, names.name);
        };
    }
    std::string ask(std::string_view fields) {
        return answer_to(*say("GET //healthz HTTP/1.1\r\n" + std::string(fields) + "\r\n"));
    }
    std::string problem;
};

std::string body_of(const std::string& answer) {
    return answer.substr(answer.find("\r\n\r\n") + 4);
}

TEST_CASE("door: the kubelet hears of the program's health", "[activator]") {
    Behind f;
    std::string answer = f.ask("Host: x\r\nUser-Agent: kube-probe/1.34\r\n");
    CHECK(status_of(answer) == 200);
    CHECK(body_of(answer).empty());
    CHECK(status_of(f.ask("Host: x\r\nK-Kubelet-Probe: 1\r\n")) == 200);
    f.problem = "received SIGTERM from kubelet";
    answer = f.ask("Host: x\r\nUser-Agent: kube-probe/1.34\r\n");
    CHECK(status_of(answer) == 500);
    CHECK(body_of(answer) == "received SIGTERM from kubelet\n");
    // Anyone else is served on.
    CHECK(status_of(f.ask("Host: x\r\nK-Network-Probe: activator\r\n")) == 200);
}

TEST_CASE("door: probes of Knative and of the ingress", "[activator]") {
    Behind f;
    std::string answer = f.ask("Host: nobody\r\nK-Network-Probe: activator\r\n");
    CHECK(status_of(answer) == 200);
    CHECK(body_of(answer) == "activator");
    answer = f.ask("Host: x\r\nK-Network-Probe: queue\r\n");
    CHECK(status_of(answer) == 400);
    CHECK(body_of(answer) == "unexpected probe header value: \"queue\"\n");
    answer = f.ask("Host: x\r\nK-Network-Probe: <a'&\"b>\r\n");
    CHECK(body_of(answer) == "unexpected probe header value: \"&lt;a&#39;&amp;&#34;b&gt;\"\n");
    answer = f.ask("Host: x\r\nK-Network-Probe: probe\r\nK-Network-Hash: override\r\n");
    CHECK(status_of(answer) == 200);
    CHECK(field_of(answer, "K-Network-Hash") == "override");
    answer = f.ask("Host: x\r\nK-Network-Probe: probe\r\n");
    CHECK(status_of(answer) == 400);
    CHECK(body_of(answer) ==
          "a probe request must contain a non-empty \"K-Network-Hash\" header\n");
}

TEST_CASE("door: CONNECT is refused", "[activator]") {
    Behind f;
    f.serve->door.edge = GENERATE(false, true);
    const std::string answer = f.answer_to(*f.say("CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n"));
    CHECK(status_of(answer) == 502);
    CHECK(body_of(answer) == "client sent unsupported CONNECT request\n");
}

TEST_CASE("door: a revision named by headers", "[activator]") {
    Behind f;
    auto& pod = f.add_pod("sd-a");
    const auto client = f.say(
        "GET / HTTP/1.1\r\nHost: what.ever\r\nK-Network-Hash: x\r\n"
        "Knative-Serving-Namespace: default\r\n"
        "Knative-Serving-Revision: sd-00001\r\n"
        "K-Original-Host: mapped\r\nSluice-Try: 0\r\n\r\n");
    f.until_requests(pod, 1);
    CHECK_FALSE(contains(pod.script.got(), "Knative-Serving"));
    CHECK_FALSE(contains(pod.script.got(), "K-Network-Hash"));
    CHECK_FALSE(contains(pod.script.got(), "Sluice-Try: 0"));
    CHECK(contains(pod.script.got(), "K-Original-Host: mapped\r\n"));
    CHECK_FALSE(contains(pod.script.got(), "what.ever"));
    pod.answer();
    CHECK(status_of(f.answer_to(*client)) == 200);
    const std::string unknown = f.ask(
        "Host: x\r\nKnative-Serving-Namespace: default\r\n"
        "Knative-Serving-Revision: gone\r\n");
    CHECK(status_of(unknown) == 404);
    CHECK(body_of(unknown) ==
          "Error getting active endpoint: revision.serving.knative.dev "
          "\"gone\" not found\n");
    CHECK(field_of(unknown, "X-Content-Type-Options") == "nosniff");
}

TEST_CASE("door: a revision named by its cluster host", "[activator]") {
    common::RequestHead head;
    const auto names = [&head] { return revision_names(head, "cluster.local"); };
    head.fields.add("Host", "rev.ns.svc.cluster.local");
    CHECK(names().name == "rev");
    CHECK(names().name_space == "ns");
    head.fields.set("Host", "rev.ns.svc.cluster.local:80");
    CHECK(names().name == "rev");
    head.fields.set("Host", "rev.ns.svc.other.domain");
    CHECK(names().name.empty());
    // A header for one half only: the host wins for both (row 4).
    head.fields.set("Host", "rev.ns.svc.cluster.local");
    head.fields.set("Knative-Serving-Revision", "other");
    CHECK(names().name == "rev");
    CHECK(names().name_space == "ns");
    Behind f;
    const std::string unknown = f.ask("Host: rev.ns.svc.other.domain\r\n");
    CHECK(body_of(unknown) ==
          "Error getting active endpoint: revision.serving.knative.dev \"\" not found\n");
}

TEST_CASE("door: hosts of several services, with and without namespace", "[activator]") {
    RouteTable routes;
    const auto add = [&routes](std::uint64_t id, const char* name_space, const char* service,
                               const char* name) {
        Revision revision;
        revision.id = RevisionId{id};
        revision.name_space = name_space;
        revision.service = service;
        revision.name = name;
        routes.add(revision);
        return revision;
    };
    const Revision first = add(1, "a", "sd", "sd-1");
    CHECK(routes.by_host("anything") == RevisionId{1});
    CHECK(routes.by_host("127.0.0.1:8080") == RevisionId{1});
    CHECK(routes.by_host("images.example.com") == RevisionId{1});
    CHECK_FALSE(routes.by_host("other.a.example.com"));  // was here once
    const Revision second = add(2, "b", "SD", "sd-2");
    CHECK_FALSE(routes.by_host("anything"));
    CHECK_FALSE(routes.by_host("sd"));  // which of the two?
    CHECK(routes.by_host("sd.a") == RevisionId{1});
    CHECK(routes.by_host("Sd.B.example.com:8080") == RevisionId{2});
    CHECK_FALSE(routes.by_host("sd.c"));
    add(3, "b", "sd", "sd-3");
    CHECK(routes.by_host("sd.b") == RevisionId{3});
    routes.remove(first);
    CHECK(routes.by_host("sd.b") == RevisionId{3});
    CHECK_FALSE(routes.by_name("a", "sd-1"));
    CHECK(routes.by_name("b", "sd-2") == RevisionId{2});
    add(4, "b", "", "bare");
    CHECK(routes.by_host("bare") == RevisionId{4});
    CHECK_FALSE(routes.by_host(""));
}

}  // namespace
}  // namespace activator
