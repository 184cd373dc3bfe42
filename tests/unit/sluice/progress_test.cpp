#include "sluice/progress.hpp"

#include <catch2/catch.hpp>

using namespace sluice;
using namespace std::chrono_literals;

TEST_CASE("progress: the pod that loads longest, and what it printed last", "[sluice]") {
    CHECK(progress_line({}).empty());
    CHECK(progress_line({{"sd-00001-ab", 34900ms, ""}}) == "sd-00001-ab: loading, 34 s");
    CHECK(progress_line({{"sd-00001-ab", 34s, "Loading weights"}}) ==
          "sd-00001-ab: loading, 34 s: Loading weights");
    CHECK(progress_line({{"new", 3s, "x"}, {"old", 90s, "y"}, {"newer", 1s, "z"}}) ==
          "old: loading, 90 s (and 2 more): y");
}

TEST_CASE("progress: without a terminal a line each ten seconds at most, and not before",
          "[sluice]") {
    ProgressPace pace;
    const common::Instant start{};
    int lines = 0;
    for (int second = 0; second < 60; ++second) {
        const common::Duration age = std::chrono::seconds(second % 25);  // a new one each 25 s
        if (pace.due({{"sd", age, ""}}, start + std::chrono::seconds(second))) {
            CHECK(age >= 10s);
            ++lines;
        }
    }
    CHECK(lines == 4);  // at 10, 20, 35 and 45 s
    CHECK_FALSE(pace.due({}, start + 1h));
}
