// The default request log template (contract queue-proxy 8.1), rendered whole.
#include <catch2/catch.hpp>

#include "common/config/observability_config.hpp"
#include "common/core/request_log.hpp"

TEST_CASE("request log: the default template gives the contract's line", "[proxy]") {
    std::string error;
    const auto line =
        common::RequestLogTemplate::parse(common::default_request_log_template, error);
    REQUIRE(line.has_value());
    common::RequestLogEntry entry;
    entry.method = "GET";
    entry.request_uri = "/a";
    entry.user_agent = "curl";
    entry.remote_address = "10.0.0.9:1";
    entry.referer = "r";
    entry.protocol = "HTTP/1.1";
    entry.size = 5;
    entry.latency_seconds = 8.473e-06;
    entry.pod_ip = "10.0.0.1";
    entry.trace_id = "t";
    CHECK(line->render(entry) ==
          R"({"httpRequest": {"requestMethod": "GET", "requestUrl": "/a", "requestSize": "0", )"
          R"("status": 200, "responseSize": "5", "userAgent": "curl", )"
          R"("remoteIp": "10.0.0.9:1", "serverIp": "10.0.0.1", "referer": "r", )"
          R"("latency": "8.473e-06s", "protocol": "HTTP/1.1"}, "traceId": "t"})"
          "\n");
}
