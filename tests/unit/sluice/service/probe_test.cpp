#include <catch2/catch.hpp>

#include "sluice/service/read_probe.hpp"

using namespace sluice;

namespace {

const ContainerPort port{7860, "http1"};

struct Read {
    ReadinessProbe probe;
    Problems problems;
};

Read read(const std::string& yaml) {
    Read result;
    result.probe =
        read_readiness_probe(YamlField(YAML::Load(yaml), "probe", result.problems), port);
    return result;
}

}  // namespace

TEST_CASE("probe: the JSON has the controller's defaults and follows the pod's port", "[sluice]") {
    const std::vector<std::pair<const char*, const char*>> table{
        {"{}", R"({"tcpSocket":{"port":9000,"host":"127.0.0.1"},"successThreshold":1})"},
        {"{tcpSocket: {port: 7860}}",
         R"({"tcpSocket":{"port":9000,"host":"127.0.0.1"},"successThreshold":1})"},
        {"{tcpSocket: {port: http1}}",
         R"({"tcpSocket":{"port":9000,"host":"127.0.0.1"},"successThreshold":1})"},
        {"{tcpSocket: {port: '7860', host: 127.0.0.1}, successThreshold: 0}",
         R"({"tcpSocket":{"port":9000,"host":"127.0.0.1"},"successThreshold":1})"},
        {"{tcpSocket: {port: 7860}, initialDelaySeconds: 5, periodSeconds: 1, failureThreshold: 3}",
         R"({"tcpSocket":{"port":9000,"host":"127.0.0.1"},"initialDelaySeconds":5,)"
         R"("timeoutSeconds":1,"periodSeconds":1,"successThreshold":1,"failureThreshold":3})"},
        {"{httpGet: {}}",
         R"({"httpGet":{"path":"/","port":9000,"host":"127.0.0.1","scheme":"HTTP"},)"
         R"("successThreshold":1})"},
        {"{httpGet: {path: '/a?b=\"c\"', port: 7860, scheme: HTTPS, httpHeaders: [{name: X, "
         "value: y}]}, periodSeconds: 2, timeoutSeconds: 7, successThreshold: 3}",
         R"({"httpGet":{"path":"/a?b=\"c\"","port":9000,"host":"127.0.0.1","scheme":"HTTPS",)"
         R"("httpHeaders":[{"name":"X","value":"y"}]},"timeoutSeconds":7,"periodSeconds":2,)"
         R"("successThreshold":3})"},
        {"{grpc: {port: 7860, service: s}}",
         R"({"grpc":{"port":9000,"service":"s"},"successThreshold":1})"},
    };
    for (const auto& [yaml, json] : table) {
        INFO(yaml);
        const auto result = read(yaml);
        CHECK(result.problems.empty());
        CHECK(readiness_probe_json(result.probe, 9000) == json);
    }
}

TEST_CASE("probe: a port of its own stays where it is", "[sluice]") {
    const auto result = read("{tcpSocket: {port: 81}}");
    CHECK(readiness_probe_json(result.probe, 9000) ==
          R"({"tcpSocket":{"port":81,"host":"127.0.0.1"},"successThreshold":1})");
    CHECK(result.problems == Problems{{Severity::warning, 1, "probe.tcpSocket.port",
                                       "is not the container's port 7860: it stays fixed while "
                                       "each pod gets a port of its own"}});
}

TEST_CASE("probe: exec becomes a probe of the port, and is said not to run", "[sluice]") {
    const auto result = read("{exec: {command: [cat, /tmp/ready]}, periodSeconds: 4}");
    CHECK(readiness_probe_json(result.probe, 9000) ==
          R"({"tcpSocket":{"port":9000,"host":"127.0.0.1"},"timeoutSeconds":1,)"
          R"("periodSeconds":4,"successThreshold":1})");
    REQUIRE(result.problems.size() == 1);
    CHECK(result.problems[0].severity == Severity::warning);
    CHECK(result.problems[0].field == "probe.exec");
}

TEST_CASE("probe: what is wrong is named", "[sluice]") {
    const std::vector<std::array<const char*, 4>> table{{
        {"{tcpSocket: {port: http2}}", "error", "probe.tcpSocket.port",
         "\"http2\" is not a port number or the name of the container's port (http1)"},
        {"{tcpSocket: {port: 70000}}", "error", "probe.tcpSocket.port",
         "must be a port from 1 to 65535, not \"70000\""},
        {"{tcpSocket: 7860}", "error", "probe.tcpSocket", "must be a map"},
        {"{tcpSocket: {}, httpGet: {}}", "error", "probe",
         "must have one of tcpSocket, httpGet, grpc and exec, not several"},
        {"{httpGet: {scheme: ftp}}", "error", "probe.httpGet.scheme", "must be HTTP or HTTPS"},
        {"{httpGet: {httpHeaders: [{value: x}]}}", "error", "probe.httpGet.httpHeaders[0].name",
         "is missing"},
        {"{periodSeconds: -1}", "error", "probe.periodSeconds",
         "must be an integer from 0 to 2147483647, not \"-1\""},
        {"{timeoutSeconds: 3}", "warning", "probe.timeoutSeconds",
         "has no meaning without periodSeconds, Knative refuses it"},
        {"{perodSeconds: 3}", "warning", "probe.perodSeconds",
         "unknown field, ignored; did you mean periodSeconds?"},
        {"{tcpSocket: {host: example.com}}", "warning", "probe.tcpSocket.host",
         "is replaced by 127.0.0.1, as Knative does"},
    }};
    for (const auto& [yaml, severity, field, message] : table) {
        INFO(yaml);
        const auto result = read(yaml);
        REQUIRE(result.problems.size() == 1);
        CHECK((result.problems[0].severity == Severity::error ? "error" : "warning") ==
              std::string(severity));
        CHECK(result.problems[0].field == field);
        CHECK(result.problems[0].message == message);
    }
}
