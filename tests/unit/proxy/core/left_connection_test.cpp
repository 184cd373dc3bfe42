#include "proxy/core/left_connection.hpp"

#include <string>

#include <catch2/catch.hpp>

using proxy::left_connection;

namespace {

constexpr std::uint16_t app = 8080;  // 1F90

// As the kernel prints it.
std::string line(const std::string& here, const std::string& there, const std::string& state) {
    return "  12: " + here + " " + there + " " + state +
           " 00000000:00000000 00:00000000 00000000     0        0 51423 1 0000000000000000 20 4";
}

}  // namespace

TEST_CASE("left connection: the application's end of one from this host is still open", "[proxy]") {
    CHECK(left_connection(line("0100007F:1F90", "0100007F:C350", "08"), app) == 50000);
    const std::string mapped = "0000000000000000FFFF00000100007F";
    CHECK(left_connection(line(mapped + ":1F90", mapped + ":C351", "08"), app) == 50001);
    const std::string loopback6 = "00000000000000000000000001000000";
    CHECK(left_connection(line(loopback6 + ":1F90", loopback6 + ":C352", "08"), app) == 50002);
}

TEST_CASE("left connection: others are not", "[proxy]") {
    // Both ends are open; the end of ours that the application closed first; it listens.
    CHECK_FALSE(left_connection(line("0100007F:1F90", "0100007F:C350", "01"), app));
    CHECK_FALSE(left_connection(line("0100007F:C350", "0100007F:1F90", "08"), app));
    CHECK_FALSE(left_connection(line("00000000:1F90", "00000000:0000", "0A"), app));
    // Another port; another host, as the kubelet's probes.
    CHECK_FALSE(left_connection(line("0100007F:1F91", "0100007F:C350", "08"), app));
    CHECK_FALSE(left_connection(line("050A0A0A:1F90", "010A0A0A:C350", "08"), app));
    // The header, and what is no line of this table.
    CHECK_FALSE(left_connection("  sl  local_address rem_address   st tx_queue rx_queue", app));
    for (const char* text :
         {"", " ", "12:", "12: 0100007F:1F90", "12: 0100007F:1F90 0100007F: 08",
          "12: 0100007F:1F90 7F:C350 08", "12: :1F90 :C350 08",
          "12: 0100007F:1F90x 0100007F:C350 08", "12: 0100007F:11F90 0100007F:C350 08"})
        CHECK_FALSE(left_connection(text, app));
}
