#include "common/core/parse.hpp"

#include <catch2/catch.hpp>

using namespace common;
using namespace std::chrono_literals;

TEST_CASE("parse: decimal integers are taken whole or not at all", "[common][core]") {
    CHECK(parse_int("0") == 0);
    CHECK(parse_int("-1") == -1);
    CHECK(parse_int("+7") == 7);
    CHECK(parse_int("9223372036854775807") == INT64_MAX);
    CHECK(parse_int("-9223372036854775808") == INT64_MIN);
    for (const char* bad : {"", "-", "+", " 1", "1 ", "1.0", "0x10", "1_0", "--1", "+-1", "abc",
                            "9223372036854775808", "-9223372036854775809"})
        CHECK_FALSE(parse_int(bad));
}

TEST_CASE("parse: Go's integers know bases and underscores", "[common][core]") {
    CHECK(parse_go_int("0x10") == 16);
    CHECK(parse_go_int("0XfF") == 255);
    CHECK(parse_go_int("010") == 8);
    CHECK(parse_go_int("0o17") == 15);
    CHECK(parse_go_int("0b101") == 5);
    CHECK(parse_go_int("-0x1") == -1);
    CHECK(parse_go_int("0") == 0);
    CHECK(parse_go_int("-0") == 0);
    CHECK(parse_go_int("1_000") == 1000);
    CHECK(parse_go_int("0x_10") == 16);
    CHECK(parse_go_int("0_10") == 8);
    for (const char* bad : {"", "_1", "1_", "1__0", "08", "0x", "0b2", "0b", "0o", "0x_", "1 0",
                            "0x-1", "x10", "99999999999999999999"})
        CHECK_FALSE(parse_go_int(bad));
}

TEST_CASE("parse: booleans are exactly Go's twelve words", "[common][core]") {
    for (const char* yes : {"1", "t", "T", "TRUE", "true", "True"})
        CHECK(parse_go_bool(yes) == true);
    for (const char* no : {"0", "f", "F", "FALSE", "false", "False"})
        CHECK(parse_go_bool(no) == false);
    for (const char* bad : {"", "yes", "no", "tRUE", "on", " true", "2"})
        CHECK_FALSE(parse_go_bool(bad));
}

TEST_CASE("parse: numbers are finite decimals", "[common][core]") {
    CHECK(parse_number("0.7") == 0.7);
    CHECK(parse_number("-1") == -1.0);
    CHECK(parse_number("+.5") == 0.5);
    CHECK(parse_number("1e3") == 1000.0);
    for (const char* bad : {"", ".", "inf", "nan", "-inf", "0x1p3", "1 ", "1e999", "++1", "1,5"})
        CHECK_FALSE(parse_number(bad));
}

TEST_CASE("parse: durations are Go's", "[common][core]") {
    CHECK(parse_go_duration("0") == Duration(0));
    CHECK(parse_go_duration("0s") == Duration(0));
    CHECK(parse_go_duration("1m30s") == 90s);
    CHECK(parse_go_duration("300ms") == 300ms);
    CHECK(parse_go_duration("-1.5h") == -90min);
    CHECK(parse_go_duration("1h2m3s4ms5us6ns") == 1h + 2min + 3s + 4ms + 5us + 6ns);
    CHECK(parse_go_duration("2\xC2\xB5s") == 2us);
    CHECK(parse_go_duration("2\xCE\xBCs") == 2us);
    CHECK(parse_go_duration("1.s") == 1s);
    CHECK(parse_go_duration(".5s") == 500ms);
    CHECK(parse_go_duration("0.1ns") == Duration(0));
    CHECK(parse_go_duration("2562047h47m16.854775807s") == Duration::max());
    for (const char* bad : {"", "-", "1", "s", ".s", "1x", "1m 30s", "1m30", "90 s", "1e3s",
                            "2562047h47m16.854775808s", "9999999999h", "1d"})
        CHECK_FALSE(parse_go_duration(bad));
}

TEST_CASE("parse: durations are written so that they read back", "[common][core]") {
    CHECK(format_go_duration(Duration(0)) == "0s");
    CHECK(format_go_duration(90s) == "1m30s");
    CHECK(format_go_duration(10min) == "10m");
    CHECK(format_go_duration(250ms) == "250ms");
    CHECK(format_go_duration(-1500ms) == "-1s500ms");
    for (const std::int64_t count :
         {std::int64_t{1}, std::int64_t{999}, std::int64_t{1'000'001}, std::int64_t{-123456789012},
          std::int64_t{86'400'000'000'000}, INT64_MAX})
        CHECK(parse_go_duration(format_go_duration(Duration(count))) == Duration(count));
}

TEST_CASE("parse: byte sizes know both kinds of suffix", "[common][core]") {
    CHECK(parse_byte_size("0") == 0u);
    CHECK(parse_byte_size("64Mi") == 67'108'864u);
    CHECK(parse_byte_size("1k") == 1000u);
    CHECK(parse_byte_size("2G") == 2'000'000'000u);
    CHECK(parse_byte_size("18446744073709551615") == UINT64_MAX);
    for (const char* bad : {"", "Mi", "-1", "1.5Mi", "1 Mi", "1mi", "1K", "1KiB", "1m",
                            "18446744073709551616", "18014398509481984Ki"})
        CHECK_FALSE(parse_byte_size(bad));
    CHECK(format_byte_size(67'108'864) == "64Mi");
    CHECK(format_byte_size(1000) == "1000");
    CHECK(format_byte_size(0) == "0");
    for (const std::uint64_t size : {std::uint64_t{1}, std::uint64_t{1536}, std::uint64_t{1} << 40})
        CHECK(parse_byte_size(format_byte_size(size)) == size);
}

TEST_CASE("parse: an address needs a port, and IPv6 its brackets", "[common][core]") {
    CHECK(parse_host_port("127.0.0.1:8080") == HostPort{"127.0.0.1", 8080});
    CHECK(parse_host_port(":80") == HostPort{"", 80});
    CHECK(parse_host_port("[::1]:0") == HostPort{"::1", 0});
    CHECK(parse_host_port("localhost:65535") == HostPort{"localhost", 65535});
    for (const char* bad : {"", "8080", "localhost", "::1:80", "[]:80", "[::1:80", "a:65536",
                            "a:-1", "a:+1", "a:", "a b:1", "http://a:1"})
        CHECK_FALSE(parse_host_port(bad));
}
