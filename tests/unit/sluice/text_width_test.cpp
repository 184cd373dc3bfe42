#include "sluice/text_width.hpp"

#include <catch2/catch.hpp>

using namespace sluice;

TEST_CASE("text width: wide characters take two columns, combining marks none", "[sluice]") {
    CHECK(columns_of("") == 0);
    CHECK(columns_of("pod-1") == 5);
    CHECK(columns_of("模型") == 4);
    CHECK(columns_of("e\xCC\x81t") == 2);  // e, combining acute, t
    CHECK(columns_of("🐕") == 2);
    CHECK(columns_of("5 s – 6 s") == 9);
}

TEST_CASE("text width: what does not fit is cut at a character, and that is shown", "[sluice]") {
    CHECK(clipped("abcdef", 6) == "abcdef");
    CHECK(clipped("abcdef", 4) == "abc…");
    CHECK(clipped("abcdef", 4, Keep::end) == "…def");
    CHECK(clipped("abcdef", 1) == "…");
    CHECK(clipped("abcdef", 0).empty());
    // The second character would need columns 3 and 4, and the ellipsis has 4.
    CHECK(clipped("模型模型", 4) == "模…");
    CHECK(clipped("模型模型", 4, Keep::end) == "…型");
    CHECK(left_aligned("模型模型", 4) == "模… ");
    CHECK(left_aligned("ab", 4) == "ab  ");
    CHECK(right_aligned("ab", 4) == "  ab");
    CHECK(right_aligned("abcde", 4) == "abc…");
}

TEST_CASE("text width: nothing that a terminal would obey is left in printable text", "[sluice]") {
    CHECK(printable("GET /模型 é") == "GET /模型 é");
    CHECK(printable("a\x1b[2Jb") == "a\uFFFD[2Jb");
    CHECK(printable("a\r\n\tb\x7f") == "a\uFFFD\uFFFD\uFFFDb\uFFFD");
    CHECK(printable("a\xC2\x9B"
                    "2J") ==
          "a\uFFFD"
          "2J");  // C1 control sequence introducer
    CHECK(printable("a\xFF\xC3") == "a\uFFFD\uFFFD");
    CHECK(printable("a\u202Eb\u200Dc") == "abc");  // direction override, joiner
    CHECK(printable("a\u2028b") == "a\uFFFDb");
}
