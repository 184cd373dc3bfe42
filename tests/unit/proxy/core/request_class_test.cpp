// Contract queue-proxy 3.1, rows 1-13, and the trust rule of issue 3.
#include "proxy/core/request_class.hpp"

#include <vector>

#include <catch2/catch.hpp>

using namespace proxy;

namespace {

constexpr const char* curl = "curl/8.0";

HeadView get(std::string_view target, std::string_view agent = curl) {
    HeadView head;
    head.method = "GET";
    head.target = target;
    head.user_agent = agent;
    return head;
}

std::vector<common::PathPattern> patterns(std::initializer_list<const char*> texts) {
    std::vector<common::PathPattern> out;
    for (const char* text : texts)
        out.push_back(common::parse_path_pattern(text).value());
    return out;
}

RequestKind kind_of(const HeadView& head) {
    return classify(head, {}).kind;
}

std::optional<ProbeAnswer> answer_to(const HeadView& head, bool draining = false) {
    return probe_answer(head, classify(head, {}).kind, draining);
}

}  // namespace

TEST_CASE("request class: rows 1 and 4, a kubelet probe asks for readiness on any path",
          "[proxy][core]") {
    for (const char* path : {"/", "/anything", "/healthz", "//healthz", "/sdapi/v1/txt2img"}) {
        HeadView head = get(path, "kube-probe/1.30");
        head.k_network_probe = "queue";
        const RequestClass result = classify(head, {});
        CHECK(result.kind == RequestKind::health_check);
        CHECK(result.answered_here());
        CHECK(result.quiet);
        CHECK_FALSE(answer_to(head).has_value());
    }
    CHECK(readiness_answer(true).status == 200);
    CHECK(readiness_answer(true).body == "queue");
    CHECK(readiness_answer(false).status == 503);
    CHECK(readiness_answer(false).body.empty());
    CHECK_FALSE(readiness_answer(false).plain_error);
}

TEST_CASE("request class: rows 2, 3 and 6, a health check with another header value is 400",
          "[proxy][core]") {
    HeadView head = get("/", "kube-probe/1.30");
    const auto none = answer_to(head);
    REQUIRE(none.has_value());
    CHECK(none->status == 400);
    CHECK(none->body == "unexpected probe header value: \n");
    CHECK(none->plain_error);
    head.k_network_probe = "test-probe";
    CHECK(answer_to(head)->body == "unexpected probe header value: test-probe\n");
    HeadView autoscaler = get("//healthz", "Knative-Autoscaling-Probe");
    autoscaler.k_network_probe = "activator";
    CHECK(answer_to(autoscaler)->status == 400);
}

TEST_CASE("request class: row 5, the activator's probe is a health check", "[proxy][core]") {
    HeadView head = get("/healthz", "Knative-Activator-Probe");
    head.k_network_probe = "queue";
    CHECK(kind_of(head) == RequestKind::health_check);
    CHECK_FALSE(answer_to(head).has_value());
    // The agents are prefixes, and their case matters.
    CHECK(kind_of(get("/", "Knative-Activator-Probe/2")) == RequestKind::health_check);
    CHECK(kind_of(get("/", "knative-activator-probe")) == RequestKind::ordinary);
    CHECK(kind_of(get("/", "kube-probe")) == RequestKind::ordinary);
    CHECK(kind_of(get("/", "")) == RequestKind::ordinary);
}

TEST_CASE("request class: rows 7 and 8, the ingress probe needs a hash and gets it back",
          "[proxy][core]") {
    HeadView head = get("/healthz", "Knative-Ingress-Probe");
    head.k_network_probe = "probe";
    CHECK(kind_of(head) == RequestKind::network_probe);
    const auto without = answer_to(head);
    REQUIRE(without.has_value());
    CHECK(without->status == 400);
    CHECK(without->body == "a probe request must contain a non-empty \"K-Network-Hash\" header\n");
    CHECK(without->plain_error);
    head.k_network_hash = "abc";
    const auto with = answer_to(head);
    REQUIRE(with.has_value());
    CHECK(with->status == 200);
    CHECK(with->body.empty());
    CHECK(with->echo_hash == "abc");
    // It may come through an ingress.
    head.x_forwarded_for = "10.0.0.1";
    CHECK(kind_of(head) == RequestKind::network_probe);
}

TEST_CASE("request class: only our activator opens a slot stream or uses a grant",
          "[proxy][core]") {
    HeadView open = get("/");
    open.has_upgrade = true;
    open.upgrade = "sluice-slots";
    open.sluice_slots = "open";
    CHECK(kind_of(open) == RequestKind::slot_stream);
    CHECK(classify(open, {}).quiet);
    CHECK(classify(open, {}).answered_here());
    const auto changed = [&open](std::string_view HeadView::* field, std::string_view value) {
        HeadView head = open;
        head.*field = value;
        return kind_of(head);
    };
    CHECK(changed(&HeadView::knative_serving_revision, "rev") == RequestKind::ordinary);
    CHECK(changed(&HeadView::sluice_slots, "") == RequestKind::ordinary);
    CHECK(changed(&HeadView::sluice_slots, "7") == RequestKind::ordinary);
    CHECK(changed(&HeadView::upgrade, "websocket") == RequestKind::ordinary);
    CHECK(changed(&HeadView::method, "POST") == RequestKind::ordinary);
    open.has_body = true;
    CHECK(kind_of(open) == RequestKind::ordinary);

    HeadView attempt = get("/");
    attempt.sluice_grant = "7";
    CHECK(classify(attempt, {}).grant == 0);
    attempt.sluice_try = "1";
    CHECK(classify(attempt, {}).grant == 7);
    attempt.knative_serving_revision = "rev";
    CHECK(classify(attempt, {}).grant == 0);
    attempt.knative_serving_revision = "";
    for (const char* value : {"0", "-1", "x", "7 ", "99999999999999999999"}) {
        attempt.sluice_grant = value;
        CHECK(classify(attempt, {}).grant == 0);
    }
}

TEST_CASE("request class: row 9, K-Network-Probe queue from curl goes to the application, quietly",
          "[proxy][core]") {
    HeadView head = get("/");
    head.k_network_probe = "queue";
    const RequestClass result = classify(head, {});
    CHECK(result.kind == RequestKind::ordinary);
    CHECK(result.quiet);
    // Row A needs its agent, row B the exact value.
    for (const char* value : {"Probe", "probe ", "activator", "anything"}) {
        head.k_network_probe = value;
        CHECK(kind_of(head) == RequestKind::ordinary);
    }
}

TEST_CASE("request class: row 10, K-Kubelet-Probe passes the limit by", "[proxy][core]") {
    HeadView head = get("/healthz");
    head.k_kubelet_probe = "x";
    const RequestClass result = classify(head, {});
    CHECK(result.kind == RequestKind::kubelet_bypass);
    CHECK(result.quiet);
    CHECK_FALSE(result.proxied);
    head.method = "HEAD";
    CHECK(kind_of(head) == RequestKind::kubelet_bypass);
}

TEST_CASE("request class: rows 12 and 13, while draining every probe is told so", "[proxy][core]") {
    HeadView health = get("//healthz", "kube-probe/1.30");
    health.k_network_probe = "queue";
    HeadView network = get("/");
    network.k_network_probe = "probe";
    network.k_network_hash = "abc";
    for (const HeadView& head : {health, network}) {
        const auto answer = answer_to(head, true);
        REQUIRE(answer.has_value());
        CHECK(answer->status == 503);
        CHECK(answer->body == "shutting down\n");
        CHECK(answer->plain_error);
        CHECK(answer->echo_hash.empty());
    }
}

TEST_CASE("request class: the three predicates stay apart", "[proxy][core]") {
    struct Row {
        const char* agent;
        const char* network_probe;
        const char* kubelet_probe;
        bool health;
        bool kubelet;
        bool probe;
    };
    const Row rows[] = {
        {curl, "", "", false, false, false},
        {"kube-probe/1.30", "", "", true, true, true},
        {"Knative-Activator-Probe", "", "", true, false, false},
        {"Knative-Activator-Probe", "queue", "", true, false, true},
        {"Knative-Autoscaling-Probe", "activator", "", true, false, true},
        {curl, "queue", "", false, false, true},
        {curl, "", "x", false, true, true},
        {"Knative-Ingress-Probe", "", "", false, false, false},
    };
    for (const Row& row : rows) {
        CAPTURE(row.agent, row.network_probe, row.kubelet_probe);
        HeadView head = get("/", row.agent);
        head.k_network_probe = row.network_probe;
        head.k_kubelet_probe = row.kubelet_probe;
        CHECK(is_health_check(head) == row.health);
        CHECK(is_kubelet_probe(head) == row.kubelet);
        CHECK(is_probe(head) == row.probe);
    }
}

TEST_CASE("request class: trust rule, a probe header on another shape is an ordinary request",
          "[proxy][core]") {
    HeadView probe = get("/sdapi/v1/txt2img");
    probe.k_kubelet_probe = "queue";
    probe.k_network_probe = "probe";
    probe.k_network_hash = "abc";
    std::vector<HeadView> others(4, probe);
    others[0].method = "POST";
    others[1].method = "get";
    others[2].has_body = true;
    others[3].has_upgrade = true;
    for (const HeadView& head : others) {
        const RequestClass result = classify(head, {});
        CHECK(result.kind == RequestKind::ordinary);
        CHECK_FALSE(result.quiet);
    }
}

TEST_CASE("request class: trust rule, what came through somebody never passes the limit by",
          "[proxy][core]") {
    HeadView probe = get("/slow");
    probe.k_kubelet_probe = "queue";
    REQUIRE(kind_of(probe) == RequestKind::kubelet_bypass);
    std::vector<HeadView> others(5, probe);
    others[0].x_forwarded_for = "1.2.3.4";
    others[1].forwarded = "for=1.2.3.4";
    others[2].via = "1.1 cache";
    others[3].k_proxy_request = "activator";
    others[4].knative_serving_revision = "sd-00001";
    for (const HeadView& head : others) {
        const RequestClass result = classify(head, {});
        CHECK(result.kind == RequestKind::ordinary);
        CHECK_FALSE(result.quiet);
    }
}

TEST_CASE("request class: row 37, only the activator's exact mark makes a request proxied",
          "[proxy][core]") {
    HeadView head = get("/");
    head.k_proxy_request = "activator";
    CHECK(classify(head, {}).proxied);
    head.k_proxy_request = "Activator";
    CHECK_FALSE(classify(head, {}).proxied);
    // An ingress that sends straight to the pod leaves the revision header on: a client's mark.
    head.k_proxy_request = "activator";
    head.sluice_try = "1";
    CHECK(classify(head, {}).activator_try);
    head.knative_serving_revision = "sd-00001";
    CHECK_FALSE(classify(head, {}).proxied);
    CHECK_FALSE(classify(head, {}).activator_try);
}

TEST_CASE("request class: Sluice-Try is exactly 1", "[proxy][core]") {
    HeadView head = get("/");
    for (const char* value : {"", "0", "true", "1 ", "11"}) {
        head.sluice_try = value;
        CHECK_FALSE(classify(head, {}).activator_try);
    }
    head.sluice_try = "1";
    CHECK(classify(head, {}).activator_try);
}

TEST_CASE("request class: listed paths go to the control lane", "[proxy][core]") {
    const auto control = patterns({"/sdapi/v1/progress", "POST /sdapi/v1/interrupt", "/assets/*"});
    CHECK(classify(get("/sdapi/v1/progress"), control).control);
    CHECK(classify(get("/sdapi/v1/progress?skip=true"), control).control);
    CHECK(classify(get("/assets/a.js"), control).control);
    CHECK_FALSE(classify(get("/sdapi/v1/progress/"), control).control);
    CHECK_FALSE(classify(get("/sdapi/v1/interrupt"), control).control);
    HeadView post = get("/sdapi/v1/interrupt");
    post.method = "POST";
    CHECK(classify(post, control).control);
    CHECK_FALSE(classify(get("/sdapi/v1/txt2img"), control).control);
    CHECK_FALSE(classify(get("/sdapi/v1/progress"), {}).control);
}

TEST_CASE("request class: no spelling of txt2img slips into the control lane", "[proxy][core]") {
    const auto control = patterns({"/sdapi/v1/progress*", "/assets/*", "/internal/*"});
    for (const char* target : {"/assets/../sdapi/v1/txt2img",
                               "/assets/%2e%2e/sdapi/v1/txt2img",
                               "/assets/%2E%2e/sdapi/v1/txt2img",
                               "/assets/.%2e/sdapi/v1/txt2img",
                               "/assets//../sdapi/v1/txt2img",
                               "/assets/..%2fsdapi/v1/txt2img",
                               "/assets/..%5csdapi/v1/txt2img",
                               "/assets/..\\sdapi\\v1\\txt2img",
                               "/assets/%252e%252e/sdapi/v1/txt2img",
                               "/assets/./../sdapi/v1/txt2img",
                               "/internal//sdapi/v1/txt2img",
                               "/sdapi/v1/progress/../txt2img",
                               "/assets/..",
                               "/sdapi/v1/txt2img?/assets/",
                               "/sdapi/v1/txt2img#/assets/",
                               "//assets/x",
                               "http://host/sdapi/v1/txt2img",
                               "http://host/assets/../sdapi/v1/txt2img",
                               "http://host//assets/x",
                               "x?://host/assets/x",
                               "*",
                               ""}) {
        CAPTURE(target);
        CHECK_FALSE(classify(get(target), control).control);
    }
    // The application gets "/assets/x".
    CHECK(classify(get("http://host/assets/x"), control).control);
}
