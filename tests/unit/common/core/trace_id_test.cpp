// Contract queue-proxy 8.1, row 93.
#include "common/core/trace_id.hpp"

#include <catch2/catch.hpp>

using common::trace_id;

TEST_CASE("trace id: row 93, W3C before B3", "[common][core]") {
    const char* w3c = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    CHECK(trace_id(w3c, "") == "0af7651916cd43dd8448eb211c80319c");
    CHECK(trace_id("00", "") == "");
    CHECK(trace_id("", "b3id") == "b3id");
    CHECK(trace_id("00", "b3id") == "b3id");
    CHECK(trace_id(w3c, "b3id") == "0af7651916cd43dd8448eb211c80319c");
    CHECK(trace_id("", "") == "");
    CHECK(trace_id("00-abc", "") == "abc");
}
