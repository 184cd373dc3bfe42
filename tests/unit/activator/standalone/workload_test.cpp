#include "activator/standalone/workload.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "activator/standalone/revision_report.hpp"

using namespace activator::standalone;
using nlohmann::json;
using std::chrono::seconds;

TEST_CASE("workload: a Deployment is ours by its pods' label", "[activator][standalone]") {
    json object = json::parse(R"({
      "metadata": {"name": "sd", "namespace": "shop"},
      "spec": {"replicas": 3, "template": {"metadata": {
        "labels": {"sluice.dev/inject": "true"},
        "annotations": {"sluice.dev/timeout-seconds": "20", "a": "b"}}}}})");
    const DeploymentObject read = read_deployment(object);
    CHECK(read.ours);
    CHECK(read.name == ObjectName{"shop", "sd"});
    CHECK(read.replicas == 3);
    const WorkloadPolicy policy = read_policy(read.annotations, {});
    const activator::Revision revision = revision_of(read, policy);
    CHECK(revision.service == "sd");
    CHECK(revision.name == "sd");
    CHECK(revision.concurrency == 1);
    CHECK(revision.timeout == seconds(20));
    object["spec"]["template"]["metadata"]["labels"]["sluice.dev/inject"] = "false";
    CHECK_FALSE(read_deployment(object).ours);
    CHECK_FALSE(read_deployment(json::object()).ours);
}

TEST_CASE("workload: scaling begins from zero and takes Knative's annotations",
          "[activator][standalone]") {
    CHECK(read_policy({}, {}).scaling.bounds.initial == 0);
    const WorkloadPolicy policy = read_policy({{"autoscaling.knative.dev/initial-scale", "2"},
                                               {"autoscaling.knative.dev/maxScale", "9"},
                                               {"sluice.dev/container-concurrency", "4"}},
                                              {});
    CHECK(policy.problems.empty());
    CHECK(policy.scaling.bounds.initial == 2);
    CHECK(policy.scaling.bounds.max == 9);
    CHECK(policy.scaling.decider.total == 4);
    // Not at all times a matter of the cluster's owner, as in Knative.
    CHECK(read_policy({{"autoscaling.knative.dev/initial-scale", "0"}}, {}).problems.empty());
}

TEST_CASE("workload: what a pod is", "[activator][standalone]") {
    json object = json::parse(R"({
      "metadata": {"name": "my-sd-5d4f8-x2x", "namespace": "shop",
                   "labels": {"pod-template-hash": "5d4f8"},
                   "ownerReferences": [
                     {"kind": "ReplicaSet", "name": "my-sd-5d4f8", "controller": true}]},
      "spec": {"containers": [{"name": "app"}, {"name": "queue-proxy"}]},
      "status": {"podIP": "10.0.0.7", "phase": "Running",
                 "conditions": [{"type": "Ready", "status": "True"}]}})");
    PodObject pod = read_pod(object);
    CHECK(pod.deployment == "my-sd");
    CHECK(pod.ip == "10.0.0.7");
    CHECK((pod.ready && pod.proxied && pod.early));
    CHECK_FALSE((pod.leaving || pod.marked));
    object["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
    object["metadata"]["annotations"][deletion_cost] = "-100";
    object["spec"]["containers"][0]["readinessProbe"]["exec"]["command"] = {"true"};
    pod = read_pod(object);
    CHECK((pod.leaving && pod.marked));
    CHECK_FALSE(pod.early);
    object["metadata"].erase("deletionTimestamp");
    object["status"]["phase"] = "Failed";
    CHECK(read_pod(object).leaving);
    object["status"] = json::parse(R"({"containerStatuses": [
      {"name": "app", "state": {"waiting": {"reason": "ErrImagePull"}}}]})");
    CHECK(read_pod(object).trouble == "ErrImagePull (container app)");
    CHECK_FALSE(read_pod(json::object()).proxied);
}

TEST_CASE("report: what one activator writes another one reads", "[activator][standalone]") {
    const common::WallTime now{std::chrono::hours(490'000)};
    const RevisionReports reports{{"shop", "sd", {1.5, 3, 2, 1}}, {"shop", "idle", {}}};
    const std::string bytes = encode_reports(reports, "activator-1", now);
    const ReceivedReports received = decode_reports(bytes, now + seconds(50));
    CHECK(received.problem.empty());
    CHECK(received.activator == "activator-1");
    CHECK(received.reports == reports);
    CHECK(decode_reports(bytes, now + seconds(61)).problem.starts_with("is from another time"));
    CHECK(decode_reports(bytes, now - seconds(61)).problem.starts_with("is from another time"));
    CHECK(decode_reports("", now).problem == "is no list of reports");
    CHECK(decode_reports(bytes.substr(1), now).problem == "is no list of reports");
}

TEST_CASE("report: numbers that no activator says are refused", "[activator][standalone]") {
    const common::WallTime now{std::chrono::hours(490'000)};
    const double bad = GENERATE(-1.0, 1e300, std::numeric_limits<double>::quiet_NaN(),
                                std::numeric_limits<double>::infinity());
    const RevisionReports reports{{"shop", "sd", {0, 0, bad, 0}}};
    CHECK(decode_reports(encode_reports(reports, "a", now), now).problem ==
          "has a report that no activator makes");
    CHECK_FALSE(decode_reports(encode_reports({{"shop", "sd", {}}}, "", now), now).problem.empty());
}
