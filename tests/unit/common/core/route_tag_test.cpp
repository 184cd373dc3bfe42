// Contract queue-proxy 3.3, row 62.
#include "common/core/route_tag.hpp"

#include <catch2/catch.hpp>

using common::route_tag;

TEST_CASE("route tag: row 62, the four combinations", "[common][core]") {
    CHECK(route_tag("", "") == "kn:disabled");
    CHECK(route_tag("", "true") == "kn:default");
    CHECK(route_tag("", "false") == "kn:default");
    CHECK(route_tag("blue", "true") == "kn:undefined");
    CHECK(route_tag("blue", "false") == "blue");
    CHECK(route_tag("blue", "") == "blue");
}
