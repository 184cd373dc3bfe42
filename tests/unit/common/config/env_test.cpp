#include "common/config/env.hpp"

#include <cstdlib>
#include <limits>

#include <catch2/catch.hpp>

using namespace common;
using namespace std::chrono_literals;

TEST_CASE("env: unset variables take their defaults without a problem", "[common][config]") {
    const MapEnv env({});
    EnvReader reader(env);
    CHECK(reader.text("A", "x") == "x");
    CHECK(reader.integer("A", 7, 0, 10) == 7);
    CHECK(reader.boolean("A", true));
    CHECK(reader.duration("A", 5s) == 5s);
    CHECK(reader.bytes("A", 12) == 12);
    CHECK_FALSE(reader.host_port("A"));
    CHECK(reader.choice("A", "one", {"one", "two"}) == "one");
    CHECK(reader.problems().empty());
}

TEST_CASE("env: set variables are read in Go's spellings", "[common][config]") {
    const MapEnv env({{"TEXT", ""},
                      {"INT", "0x1_0"},
                      {"BOOL", "T"},
                      {"TIME", "1m30s"},
                      {"SIZE", "64Mi"},
                      {"ADDRESS", "[::1]:8"},
                      {"CHOICE", "two"}});
    EnvReader reader(env);
    CHECK(reader.text("TEXT", "x").empty());
    CHECK(reader.required_text("TEXT").empty());
    CHECK(reader.integer("INT", 0, 0, 100) == 16);
    CHECK(reader.required_integer("INT", 0, 16) == 16);
    CHECK(reader.boolean("BOOL", false));
    CHECK(reader.duration("TIME", 0s) == 90s);
    CHECK(reader.bytes("SIZE", 0) == 67'108'864);
    CHECK(reader.host_port("ADDRESS") == HostPort{"::1", 8});
    CHECK(reader.choice("CHOICE", "one", {"one", "two"}) == "two");
    CHECK(reader.problems().empty());
}

TEST_CASE("env: all problems are collected, each naming its variable", "[common][config]") {
    const MapEnv env({{"INT", "abc"},
                      {"EMPTY", ""},
                      {"BIG", "11"},
                      {"BOOL", "yes"},
                      {"TIME", "-1s"},
                      {"SIZE", "1 MB"},
                      {"ADDRESS", "8080"},
                      {"CHOICE", "three"}});
    EnvReader reader(env);
    reader.required_text("MISSING");
    reader.integer("INT", 0, std::numeric_limits<std::int64_t>::min(),
                   std::numeric_limits<std::int64_t>::max());
    reader.required_integer("EMPTY", 1, std::numeric_limits<std::int64_t>::max());
    reader.integer("BIG", 0, 1, 10);
    reader.boolean("BOOL", false);
    reader.boolean("EMPTY", false);
    reader.duration("TIME", 0s);
    reader.bytes("SIZE", 0);
    reader.host_port("ADDRESS");
    reader.choice("CHOICE", "one", {"one", "two"});
    reader.report("A", "must be less than B");
    CHECK(reader.problems() ==
          std::vector<std::string>{
              "required key MISSING missing value",
              "INT: 'abc' is not an integer",
              "EMPTY: '' is not an integer of at least 1",
              "BIG: '11' is not an integer from 1 to 10",
              "BOOL: 'yes' is not a boolean (true or false)",
              "EMPTY: '' is not a boolean (true or false)",
              "TIME: '-1s' is not a duration of at least 0s (for example 90s or 1m30s)",
              "SIZE: '1 MB' is not a size (for example 64Mi or 1000)",
              "ADDRESS: '8080' is not an address with a port (host:port)",
              "CHOICE: 'three' is not one of one, two",
              "A: must be less than B",
          });
}

TEST_CASE("env: the process environment is read as it is", "[common][config]") {
    ::setenv("SLUICE_ENV_TEST", "value", 1);
    ::unsetenv("SLUICE_ENV_TEST_UNSET");
    const ProcessEnv env;
    CHECK(env.get("SLUICE_ENV_TEST") == "value");
    CHECK_FALSE(env.get("SLUICE_ENV_TEST_UNSET"));
}
