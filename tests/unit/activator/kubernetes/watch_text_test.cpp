// What fuzz_watch cannot reach: lines of many megabytes.
#include "activator/kubernetes/watch_text.hpp"

#include <catch2/catch.hpp>

using activator::kubernetes::WatchLines;

TEST_CASE("watch lines: an event of eight mebibytes is a line, a longer one is none") {
    constexpr std::size_t most = std::size_t{8} << 20;
    WatchLines lines;
    lines.add(std::string(most, 'x'));
    CHECK_FALSE(lines.next());
    CHECK_FALSE(lines.too_long());
    lines.add("\nnext");
    const auto line = lines.next();
    REQUIRE(line);
    CHECK(line->size() == most);
    CHECK_FALSE(lines.next());

    lines.add(std::string(most - 4, 'x'));
    CHECK_FALSE(lines.next());
    CHECK_FALSE(lines.too_long());
    lines.add("x");
    CHECK_FALSE(lines.next());
    CHECK(lines.too_long());
}
