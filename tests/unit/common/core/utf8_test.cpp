#include "common/core/utf8.hpp"

#include <catch2/catch.hpp>

namespace common {

TEST_CASE("utf8: what is no character is replaced, byte by byte", "[common][core]") {
    const std::string bad(replacement_character);
    CHECK(valid_utf8("", 10).empty());
    CHECK(valid_utf8("a\xC3\xA4\xE2\x80\xA6\xF0\x9F\x98\x80", 100) ==
          "a\xC3\xA4\xE2\x80\xA6\xF0\x9F\x98\x80");
    CHECK(valid_utf8("\xff", 10) == bad);
    CHECK(valid_utf8("\xC3", 10) == bad);                     // cut
    CHECK(valid_utf8("\xC0\x80", 10) == bad + bad);           // too long a form of NUL
    CHECK(valid_utf8("\xED\xA0\x80", 9) == bad + bad + bad);  // half of a pair of UTF-16
    CHECK(valid_utf8("\xF4\x90\x80\x80", 3) == bad);          // beyond U+10FFFF
}

TEST_CASE("utf8: a text is cut at a character's end", "[common][core]") {
    CHECK(valid_utf8("a\xC3\xA4", 2) == "a");
    CHECK(valid_utf8("a\xC3\xA4", 3) == "a\xC3\xA4");
    CHECK(valid_utf8("abc", 0).empty());
}

}  // namespace common
