// The README's table of knobs is the one that the code prints.
#include <fstream>
#include <iterator>

#include <catch2/catch.hpp>

#include "common/config/knobs.hpp"

TEST_CASE("readme: the table of knobs is the code's", "[common][config]") {
    std::ifstream stream(SLUICE_SOURCE_DIR "/README.md", std::ios::binary);
    if (!stream) {
        WARN("there is no README.md: nothing to compare");
        return;
    }
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    const std::string open = "<!-- knobs -->\n";
    const auto begin = text.find(open);
    const auto end = text.find("<!-- /knobs -->");
    INFO("README.md needs a line '<!-- knobs -->', the table, and a line '<!-- /knobs -->'");
    REQUIRE(begin != std::string::npos);
    REQUIRE(end != std::string::npos);
    const auto from = begin + open.size();
    REQUIRE(from <= end);
    INFO("put the expected text between the markers");
    CHECK(text.substr(from, end - from) == common::knobs_markdown_table());
}
