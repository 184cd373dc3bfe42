#include "common/core/nearest.hpp"

#include <vector>

#include <catch2/catch.hpp>

using namespace common;

TEST_CASE("nearest: the edit distance counts single changes", "[common][core]") {
    CHECK(edit_distance("", "") == 0);
    CHECK(edit_distance("", "abc") == 3);
    CHECK(edit_distance("kitten", "sitting") == 3);
    CHECK(edit_distance("flaw", "lawn") == 2);
    CHECK(edit_distance("same", "same") == 0);
}

TEST_CASE("nearest: a slip finds its name, another word finds none", "[common][core]") {
    const std::vector<std::string> names{"max-scale", "min-scale", "target", "window"};
    CHECK(nearest_name("max-scal", names) == "max-scale");
    CHECK(nearest_name("maxScale", names) == "max-scale");
    CHECK(nearest_name("MIN_SCALE", names) == "min-scale");
    CHECK(nearest_name("tarqet", names) == "target");
    CHECK(nearest_name("maxScal", std::vector<std::string>{"max-scale", "maxScale"}) == "maxScale");
    CHECK_FALSE(nearest_name("elephant", names));
    CHECK_FALSE(nearest_name("", names));
    CHECK_FALSE(nearest_name(std::string(100'000, 'x'), names));
    CHECK_FALSE(nearest_name("window", std::vector<std::string>{}));
}
