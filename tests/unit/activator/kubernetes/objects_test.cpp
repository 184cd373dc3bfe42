#include "activator/kubernetes/objects.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace activator::kubernetes;
using nlohmann::json;

TEST_CASE("objects: a Revision, read as the webhook leaves it") {
    const RevisionObject revision = read_revision(json::parse(R"({
        "metadata": {"namespace": "default", "name": "sd-00001",
            "labels": {"serving.knative.dev/service": "sd",
                       "serving.knative.dev/configuration": "sd-config"},
            "annotations": {"sluice.dev/queue-limit": "5"}},
        "spec": {"containerConcurrency": 1, "timeoutSeconds": 120, "idleTimeoutSeconds": 7,
            "containers": [{"name": "user", "ports": [{"name": "h2c", "containerPort": 80}],
                            "readinessProbe": {"httpGet": {}}}]}})"));
    REQUIRE(revision.name == ObjectName{"default", "sd-00001"});
    REQUIRE(revision.service == "sd");
    REQUIRE(revision.configuration == "sd-config");
    REQUIRE(revision.concurrency == 1);
    REQUIRE(revision.timeout_seconds == 120);
    REQUIRE(revision.idle_seconds == 7);
    REQUIRE(revision.response_start_seconds == 0);
    REQUIRE(revision.h2c);
    REQUIRE(revision.early);
    REQUIRE(revision.annotations == Annotations{{"sluice.dev/queue-limit", "5"}});
}

TEST_CASE("objects: which probes keep a pod back until Kubernetes calls it ready (row 37)") {
    const auto early = [](const char* containers) {
        return read_revision(json{{"spec", {{"containers", json::parse(containers)}}}}).early;
    };
    REQUIRE(early(R"([{"readinessProbe": {"tcpSocket": {}}}])"));
    REQUIRE_FALSE(early(R"([{"readinessProbe": {"exec": {}}}])"));
    REQUIRE_FALSE(early(R"([{"startupProbe": {"httpGet": {}}}])"));
    REQUIRE_FALSE(early(R"([{"ports": [{}]}, {"startupProbe": {"httpGet": {}}}])"));
    // Another container's readiness is the queue-proxy's business.
    REQUIRE(early(R"([{"ports": [{}]}, {"readinessProbe": {"exec": {}}}])"));
}

TEST_CASE("objects: what is missing or odd counts as not there") {
    const RevisionObject revision = read_revision(json::parse(
        R"({"metadata": {"name": 7, "labels": []}, "spec": {"timeoutSeconds": "x",
            "containerConcurrency": null, "containers": {}}})"));
    REQUIRE(revision.name.name.empty());
    REQUIRE(revision.timeout_seconds == 300);
    REQUIRE(revision.concurrency == 0);
    REQUIRE(
        read_endpoints(json::parse(R"({"subsets": [{"addresses": [{}]}]})")).http1.ready.empty());
    REQUIRE(read_service(json::parse("[]")).http1_address.empty());
}

TEST_CASE("objects: Endpoints give addresses by the name of the port") {
    const EndpointsObject endpoints = read_endpoints(json::parse(R"({
        "metadata": {"namespace": "ns", "name": "r-private",
                     "labels": {"serving.knative.dev/revision": "r"}},
        "subsets": [
          {"addresses": [{"ip": "10.0.0.1", "targetRef": {"kind": "Pod", "name": "r-abc"}},
                         {"ip": "fd00::1"}],
           "notReadyAddresses": [{"ip": "10.0.0.3", "targetRef": {"name": "r-xyz"}}],
           "ports": [{"name": "http-autometric", "port": 9090}, {"name": "http", "port": 8012}]},
          {"addresses": [{"ip": "10.0.0.9"}], "ports": [{"name": "http2", "port": 8013}]}]})"));
    REQUIRE(endpoints.revision == "r");
    const std::vector<Backend> ready = {{"10.0.0.1:8012", "r-abc"},
                                        {"[fd00::1]:8012", "[fd00::1]:8012"}};
    REQUIRE(endpoints.of(false).ready == ready);
    REQUIRE(endpoints.of(false).not_ready == std::vector<Backend>{{"10.0.0.3:8012", "r-xyz"}});
    REQUIRE(endpoints.of(true).ready.front().address == "10.0.0.9:8013");
}

TEST_CASE("objects: what is no IP address is nobody's address") {
    const EndpointsObject endpoints = read_endpoints(json::parse(R"({"subsets": [{
        "addresses": [{"ip": "10`0.0.1"}, {"ip": "10.0.0.2"}, {"ip": "fd00::1"}, {"ip": "pod"}],
        "ports": [{"name": "http", "port": 8012}]}]})"));
    REQUIRE(endpoints.http1.ready.size() == 2);
    REQUIRE(endpoints.http1.ready[0].address == "10.0.0.2:8012");
    REQUIRE(endpoints.http1.ready[1].address == "[fd00::1]:8012");
    const ServiceObject service = read_service(json::parse(
        R"({"spec": {"clusterIP": "no address", "ports": [{"name": "http", "port": 80}]}})"));
    REQUIRE(service.http1_address.empty());
}

TEST_CASE("objects: the private Service's address") {
    const ServiceObject service = read_service(json::parse(R"({
        "metadata": {"namespace": "ns", "name": "r-private",
                     "labels": {"serving.knative.dev/revision": "r"}},
        "spec": {"clusterIP": "10.96.0.7",
                 "ports": [{"name": "https", "port": 443}, {"name": "http", "port": 80}]}})"));
    REQUIRE(service.http1_address == "10.96.0.7:80");
    REQUIRE(service.h2c_address.empty());
    REQUIRE(read_service(json::parse(R"({"spec": {"clusterIP": "None",
        "ports": [{"name": "http", "port": 80}]}})"))
                .http1_address.empty());
}

TEST_CASE("objects: the private Service's name, shortened where it must be (row 43)") {
    REQUIRE(private_service_name("sd-00001") == "sd-00001-private");
    REQUIRE(private_service_name(std::string(55, 'r')) == std::string(55, 'r') + "-private");
    std::string sixty;
    for (int i = 0; i < 6; ++i)
        sixty += "abcdefghij";
    REQUIRE(private_service_name(sixty) ==
            "abcdefghijabcdefghijabcc583d21482c5f1dc5f2bdefdebecf7a4-private");
}

TEST_CASE("objects: a Secret's values are decoded") {
    const auto data =
        read_secret(json::parse(R"({"data": {"key": "aGVsbG8=", "bad": "?", "e": ""}})"));
    REQUIRE(data.at("key") == "hello");
    REQUIRE_FALSE(data.contains("bad"));
    REQUIRE(data.at("e").empty());
}
