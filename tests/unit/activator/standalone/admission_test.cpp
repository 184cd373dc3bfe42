#include "activator/standalone/admission.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "common/crypto/digests.hpp"

using namespace activator::standalone;
using nlohmann::json;

namespace {

const AdmissionSettings settings{"queue-proxy:1", {}};

json review_of(const char* kind, json object, json old = nullptr) {
    return {{"apiVersion", "admission.k8s.io/v1"},
            {"kind", "AdmissionReview"},
            {"request",
             {{"uid", "u-1"},
              {"kind", {{"group", ""}, {"version", "v1"}, {"kind", kind}}},
              {"namespace", "shop"},
              {"name", "sd"},
              {"object", std::move(object)},
              {"oldObject", std::move(old)}}}};
}

json response_to(const json& review) {
    const auto answer = review_admission(review.dump(), settings);
    REQUIRE(answer);
    const json whole = json::parse(answer->body);
    CHECK(whole["apiVersion"] == "admission.k8s.io/v1");
    CHECK(whole["kind"] == "AdmissionReview");
    CHECK(whole["response"]["uid"] == "u-1");
    CHECK(answer->denied.empty() == whole["response"]["allowed"].get<bool>());
    return whole["response"];
}

// The object as the API server has it after the answer.
json patched(const json& object, const json& response) {
    REQUIRE(response["allowed"] == true);
    if (!response.contains("patch")) return object;
    CHECK(response["patchType"] == "JSONPatch");
    const auto text = common::base64_decode(response["patch"].get<std::string>());
    REQUIRE(text);
    return object.patch(json::parse(*text));
}

json pod_template(json annotations = json::object()) {
    return {
        {"metadata",
         {{"labels", {{"sluice.dev/inject", "true"}}}, {"annotations", std::move(annotations)}}},
        {"spec", {{"containers", {{{"name", "app"}, {"image", "sd"}}}}}}};
}

json pod() {
    json object = pod_template();
    object["metadata"]["labels"]["pod-template-hash"] = "5d4f8";
    object["metadata"]["ownerReferences"] = {
        {{"kind", "ReplicaSet"}, {"name", "my-sd-5d4f8"}, {"controller", true}}};
    return object;
}

json deployment(std::int64_t replicas, json annotations = json::object()) {
    return {{"metadata", {{"name", "sd"}, {"namespace", "shop"}}},
            {"spec", {{"replicas", replicas}, {"template", pod_template(std::move(annotations))}}}};
}

}  // namespace

TEST_CASE("admission: a pod gets its queue-proxy by a patch", "[activator][standalone]") {
    const json after = patched(pod(), response_to(review_of("Pod", pod())));
    REQUIRE(after["spec"]["containers"].size() == 2);
    const json& proxy = after["spec"]["containers"][1];
    CHECK(proxy["image"] == "queue-proxy:1");
    bool named = false;
    for (const json& variable : proxy["env"])
        named = named || variable == json{{"name", "SERVING_SERVICE"}, {"value", "my-sd"}};
    CHECK(named);
    // The second time there is nothing to do.
    CHECK_FALSE(response_to(review_of("Pod", after)).contains("patch"));
}

TEST_CASE("admission: a pod of nobody's is refused", "[activator][standalone]") {
    json object = pod();
    SECTION("no owner") {
        object["metadata"].erase("ownerReferences");
    }
    SECTION("a StatefulSet's") {
        object["metadata"]["ownerReferences"][0]["kind"] = "StatefulSet";
    }
    SECTION("a ReplicaSet without a Deployment") {
        object["metadata"]["labels"].erase("pod-template-hash");
    }
    const json response = response_to(review_of("Pod", object));
    CHECK(response["allowed"] == false);
    CHECK(response["status"]["code"] == 422);
    CHECK(response["status"]["message"].get<std::string>().starts_with(
        "label sluice.dev/inject: only pods of a Deployment"));
}

TEST_CASE("admission: a Deployment hears what its pods would be refused for",
          "[activator][standalone]") {
    const json response = response_to(review_of(
        "Deployment", deployment(1, {{"sluice.dev/queue-limit", "0"}, {"sluice.dev/ap", "x"}})));
    CHECK(response["allowed"] == false);
    CHECK(response["status"]["message"] ==
          "spec.template: annotation sluice.dev/queue-limit: \"0\" is not an integer from 1 to "
          "1000000");
    CHECK(response["warnings"].size() == 1);
}

TEST_CASE("admission: replicas are the autoscaler's", "[activator][standalone]") {
    const auto replicas = [](const json& object, json old = nullptr) {
        const json response = response_to(review_of("Deployment", object, std::move(old)));
        return patched(object, response)["spec"]["replicas"];
    };
    // A new one begins from zero, or as it says.
    CHECK(replicas(deployment(1)) == 0);
    CHECK(replicas(deployment(1, {{"autoscaling.knative.dev/initial-scale", "3"}})) == 3);
    CHECK(replicas(deployment(0, {{"autoscaling.knative.dev/min-scale", "2"}})) == 2);
    // Applied again, it keeps what it has.
    CHECK(replicas(deployment(1), deployment(7)) == 7);
    CHECK(replicas(deployment(7), deployment(7)) == 7);
    // One that was not ours until now keeps its pods.
    json before = deployment(4);
    before["spec"]["template"]["metadata"]["labels"].erase("sluice.dev/inject");
    CHECK(replicas(deployment(4), before) == 4);
    // One that is no longer ours is its owner's.
    CHECK(replicas(before, deployment(9)) == 4);
}

TEST_CASE("admission: others are let in as they are", "[activator][standalone]") {
    const json secret = {{"metadata", {{"name", "x"}}}};
    CHECK_FALSE(response_to(review_of("Secret", secret)).contains("patch"));
    CHECK_FALSE(response_to(review_of("Pod", nullptr)).contains("patch"));
}

TEST_CASE("admission: fields of other types than Kubernetes has get no answer",
          "[activator][standalone]") {
    json broken = pod();
    json& containers = broken["spec"]["containers"];
    containers[0]["ports"] = {{{"containerPort", 7860}}};
    SECTION("a container") {
        containers.push_back(7);
    }
    SECTION("its variables") {
        containers[0]["env"] = {{"A", "b"}};
    }
    SECTION("its probe") {
        containers[0]["readinessProbe"] = "no";
    }
    SECTION("its probe's action") {
        containers[0]["readinessProbe"] = {{"tcpSocket", "no"}};
    }
    CHECK_FALSE(review_admission(review_of("Pod", broken).dump(), settings));
}

TEST_CASE("admission: what is no review gets no answer", "[activator][standalone]") {
    json review = review_of("Pod", pod());
    CHECK_FALSE(review_admission("", settings));
    CHECK_FALSE(review_admission("[]", settings));
    CHECK_FALSE(review_admission("{}", settings));
    CHECK_FALSE(review_admission(review.dump().substr(1), settings));
    review["apiVersion"] = "admission.k8s.io/v1beta1";
    CHECK_FALSE(review_admission(review.dump(), settings));
    review = review_of("Pod", pod());
    review["request"].erase("uid");
    CHECK_FALSE(review_admission(review.dump(), settings));
}
