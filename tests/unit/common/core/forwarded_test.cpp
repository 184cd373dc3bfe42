// Contract queue-proxy 3.5, rows 55-57.
#include "common/core/forwarded.hpp"

#include <string>

#include <catch2/catch.hpp>

using common::forwarded_value;

TEST_CASE("forwarded: rows 55 and 56, every combination of the X-Forwarded family",
          "[common][core]") {
    struct Row {
        const char* name;
        const char* for_nodes;
        const char* host;
        const char* proto;
        const char* forwarded;
        const char* wanted;  // null: nothing is set
    };
    const Row rows[] = {
        {"for with IPv6, host, proto", "127.0.0.1, ::1", "h", "p", "",
         "for=127.0.0.1;host=h;proto=p, for=\"[::1]\""},
        {"one node", "127.0.0.1", "", "", "", "for=127.0.0.1"},
        {"two nodes", "127.0.0.1, 127.0.0.2", "", "", "", "for=127.0.0.1, for=127.0.0.2"},
        {"IPv6 first", "::1, 10.0.0.1", "", "", "", "for=\"[::1]\", for=10.0.0.1"},
        {"host only", "", "h", "", "", "host=h"},
        {"proto only", "", "", "p", "", "proto=p"},
        {"host and proto", "", "h", "p", "", "host=h;proto=p"},
        {"for and proto", "10.0.0.1", "", "https", "", "for=10.0.0.1;proto=https"},
        {"empty nodes", ",,,", "", "", "", "for=, for=, for="},
        {"comma at the end", "1.1.1.1,", "h", "", "", "for=1.1.1.1;host=h"},
        {"existing Forwarded", "127.0.0.1", "h", "p", "for=1.1.1.1", nullptr},
        {"nothing", "", "", "", "", nullptr},
        {"blanks", "  1.1.1.1\t ,2.2.2.2  ", "", "", "", "for=1.1.1.1, for=2.2.2.2"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        const auto value = forwarded_value({.forwarded = row.forwarded,
                                            .x_forwarded_for = row.for_nodes,
                                            .x_forwarded_host = row.host,
                                            .x_forwarded_proto = row.proto});
        if (row.wanted == nullptr) {
            CHECK_FALSE(value.has_value());
        } else {
            CHECK(value == std::string(row.wanted));
        }
    }
}
