// Who calls decides the defaults; what the command line says holds for both; open files bound all.
#include "activator/client_limits.hpp"

#include <catch2/catch.hpp>

#include "common/net/open_files.hpp"

namespace activator {
namespace {

constexpr std::size_t many = 1'000'000;

TEST_CASE("client limits: clients get less than an ingress", "[activator]") {
    const common::ServerLimits edge = server_limits({}, true, many);
    CHECK(edge.connections_max == 20'000);
    CHECK(edge.connections_per_client_max == 10'000);
    CHECK(edge.parser.header_bytes_max == 65'536);
    CHECK(edge.parser.target_bytes_max == 16'384);
    CHECK(edge.idle_timeout == std::chrono::minutes(5));
    const common::ServerLimits ingress = server_limits({}, false, many);
    CHECK(ingress.connections_max == 20'000);
    CHECK(ingress.connections_per_client_max == 0);
    CHECK(ingress.parser.header_bytes_max == (1U << 20) + 4096);
    CHECK(ingress.parser.target_bytes_max == 0);
    CHECK(ingress.idle_timeout == common::Duration::zero());
}

TEST_CASE("client limits: what was said holds for both", "[activator]") {
    ClientLimits said;
    said.connections = 10;
    said.connections_per_client = 0;
    said.header_bytes = 2048;
    said.uri_bytes = 1024;
    said.keep_alive_timeout = std::chrono::seconds(7);
    said.requests_per_connection = 3;
    for (const bool edge : {false, true}) {
        const common::ServerLimits limits = server_limits(said, edge, many);
        CHECK(limits.connections_max == 10);
        CHECK(limits.connections_per_client_max == 0);
        CHECK(limits.parser.header_bytes_max == 2048);
        CHECK(limits.parser.target_bytes_max == 1024);
        CHECK(limits.idle_timeout == std::chrono::seconds(7));
        CHECK(limits.requests_per_connection_max == 3);
    }
}

TEST_CASE("client limits: never more connections than open files allow", "[activator]") {
    CHECK(common::connections_for(1024) == 480);
    CHECK(common::connections_for(66) == 1);
    CHECK(common::connections_for(0) == 1);
    CHECK(server_limits({}, true, 1024).connections_max == 480);
    CHECK(server_limits({}, true, 1024).connections_per_client_max == 240);
    ClientLimits unlimited;
    unlimited.connections = 0;
    CHECK(server_limits(unlimited, true, many).connections_max == common::connections_for(many));
    CHECK(common::raise_open_files_limit() >= common::open_files_limit());
}

}  // namespace
}  // namespace activator
