#include "common/core/tcp_table.hpp"

#include <catch2/catch.hpp>

using common::parse_tcp_table_line;
using State = common::TcpSocket::State;

TEST_CASE("tcp table: reads a line as the kernel prints it", "[common]") {
    const auto listens = parse_tcp_table_line(
        "   0: 0100007F:1EB4 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        "
        "0 12345 1 0000000000000000 100 0 0 10 0");
    REQUIRE(listens);
    CHECK(listens->state == State::listen);
    CHECK(listens->local.port == 7860);
    CHECK(listens->inode == 12345);
    const auto connected = parse_tcp_table_line(
        "   1: 0100007F:1EB4 0A0B0C0D:9C40 01 00000000:00000000 00:00000000 00000000     0        "
        "0 12346 1 0000000000000000 100 0 0 10 0");
    REQUIRE(connected);
    CHECK(connected->state != State::listen);
    CHECK(connected->remote.address == "0A0B0C0D");
    CHECK(connected->remote.port == 40000);
}

TEST_CASE("tcp table: what is no such line", "[common]") {
    for (const char* line :
         {"", "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid",
          "   0: 0100007F:1EB4 00000000:0000 0A 0:0 0:0 0 0 0", "   0: 0100007F 00000000:0000 0A",
          "   0: 0100007F:11EB4 00000000:0000 0A 0:0 0:0 0 0 0 12345",
          "   0: 0100007F:1EB4 00000000:0000 1AA 0:0 0:0 0 0 0 12345"})
        CHECK_FALSE(parse_tcp_table_line(line));
}

TEST_CASE("tcp table: the loopback's addresses", "[common]") {
    using common::is_loopback_in_tcp_table;
    CHECK(is_loopback_in_tcp_table("0100007F"));
    CHECK(is_loopback_in_tcp_table("0200007F"));
    CHECK(is_loopback_in_tcp_table("0000000000000000FFFF00000100007F"));
    CHECK(is_loopback_in_tcp_table("00000000000000000000000001000000"));
    CHECK_FALSE(is_loopback_in_tcp_table("00000000"));
    CHECK_FALSE(is_loopback_in_tcp_table("010A0A0A"));
    CHECK_FALSE(is_loopback_in_tcp_table("7F000001"));
    CHECK_FALSE(is_loopback_in_tcp_table("000000000000000000000000010000007F"));
}
