// Contract queue-proxy 4.2, rows 88, 89, 92, deviation D8.
#include "proxy/probe_json.hpp"

#include <catch2/catch.hpp>

using namespace proxy;
using namespace std::chrono_literals;

namespace {

ProbeSpec one(std::string_view json) {
    const ParsedProbes parsed = parse_probes(json, false);
    REQUIRE(parsed.problems.empty());
    REQUIRE(parsed.probes.size() == 1);
    return parsed.probes[0];
}

std::string problem(std::string_view json, bool is_array = false) {
    const ParsedProbes parsed = parse_probes(json, is_array);
    return parsed.problems.empty() ? "" : parsed.problems.front();
}

}  // namespace

TEST_CASE("probe json: the default probe of a revision is an aggressive TCP probe", "[proxy]") {
    const ProbeSpec spec =
        one(R"({"tcpSocket":{"port":8080,"host":"127.0.0.1"},"successThreshold":1})");
    CHECK(std::get<TcpProbe>(spec.handler).port == 8080);
    CHECK(spec.period == 0s);
    CHECK(spec.success_threshold == 1);
}

TEST_CASE("probe json: row 89, an HTTP probe with path, query and headers", "[proxy]") {
    const ProbeSpec spec = one(R"({"httpGet":{"path":"health?foo=bar","port":"8080",
        "scheme":"HTTPS","host":"example.com","httpHeaders":[{"name":"X-A","value":"1"},
        {"name":"X-B","value":""}]},"periodSeconds":5,"timeoutSeconds":3,"successThreshold":4,
        "failureThreshold":9,"initialDelaySeconds":7})");
    const auto& http = std::get<HttpProbe>(spec.handler);
    CHECK(http.port == 8080);
    CHECK(http.path == "/health?foo=bar");
    CHECK(http.https);
    REQUIRE(http.headers.size() == 2);
    CHECK(http.headers[0] == std::pair<std::string, std::string>("X-A", "1"));
    CHECK(spec.period == 5s);
    CHECK(spec.timeout == 3s);
    CHECK(spec.success_threshold == 4);
    CHECK(std::get<HttpProbe>(one(R"({"httpGet":{"path":"/a","port":1}})").handler).path == "/a");
    CHECK(std::get<HttpProbe>(one(R"({"httpGet":{"port":1}})").handler).path == "/");
}

TEST_CASE("probe json: gRPC, and the least timeout of a periodic probe", "[proxy]") {
    const ProbeSpec spec = one(R"({"grpc":{"port":50051,"service":"a.b"},"periodSeconds":10})");
    CHECK(std::get<GrpcProbe>(spec.handler).port == 50051);
    CHECK(std::get<GrpcProbe>(spec.handler).service == "a.b");
    CHECK(spec.timeout == 1s);
    CHECK(one(R"({"grpc":{"port":1,"service":null}})").timeout == 0s);
}

TEST_CASE("probe json: row 88, exec and an empty handler are probes that never pass", "[proxy]") {
    CHECK(std::get<ImpossibleProbe>(one(R"({"exec":{"command":["true"]}})").handler).reason ==
          "exec probes cannot be run by queue-proxy");
    CHECK(std::get<ImpossibleProbe>(one("{}").handler).reason == "no probe found");
    CHECK(std::get<ImpossibleProbe>(one(R"({"httpGet":null})").handler).reason == "no probe found");
}

TEST_CASE("probe json: deviation D8, null means no probe", "[proxy]") {
    for (const bool is_array : {false, true}) {
        for (const char* text : {"", "null"}) {
            const ParsedProbes parsed = parse_probes(text, is_array);
            CHECK(parsed.problems.empty());
            CHECK(parsed.probes.empty());
        }
    }
    CHECK(parse_probes("[null]", true).probes.empty());
    CHECK(parse_probes("[]", true).probes.empty());
    const ParsedProbes mixed =
        parse_probes(R"([null,{"tcpSocket":{"port":1}},{"grpc":{"port":2}}])", true);
    CHECK(mixed.problems.empty());
    REQUIRE(mixed.probes.size() == 2);
    CHECK(std::holds_alternative<TcpProbe>(mixed.probes[0].handler));
    CHECK(std::holds_alternative<GrpcProbe>(mixed.probes[1].handler));
}

TEST_CASE("probe json: row 92, another shape is a problem", "[proxy]") {
    CHECK(problem(R"("string")") == "is not a JSON object (a probe)");
    CHECK(problem("[]") == "is not a JSON object (a probe)");
    CHECK(problem("{}", true) == "is not a JSON array of probes");
    CHECK(problem("[1]", true) == "has an element that is not an object (a probe)");
    CHECK(problem("{") == "is not valid JSON");
    CHECK(problem(R"({"tcpSocket":{}})") == "tcpSocket.port is not a port number from 1 to 65535");
    CHECK(problem(R"({"tcpSocket":{"port":"http"}})") ==
          "tcpSocket.port is not a port number from 1 to 65535");
    CHECK(problem(R"({"tcpSocket":{"port":18446744073709551615}})") ==
          "tcpSocket.port is not a port number from 1 to 65535");
    CHECK(problem(R"({"tcpSocket":[]})") == "tcpSocket is not an object");
    CHECK(problem(R"({"httpGet":{"port":1,"scheme":"ftp"}})") ==
          "httpGet.scheme is not HTTP or HTTPS");
    CHECK(problem(R"({"httpGet":{"port":1,"path":1}})") == "httpGet.path is not a string");
    CHECK(problem(R"({"httpGet":{"port":1,"httpHeaders":{}}})") ==
          "httpGet.httpHeaders is not an array");
    CHECK(problem(R"({"httpGet":{"port":1,"httpHeaders":[1]}})") ==
          "httpGet.httpHeaders has an element that is not an object");
    CHECK(problem(R"({"exec":{},"periodSeconds":-1})") ==
          "periodSeconds is not an integer from 0 to 2147483647");
}
