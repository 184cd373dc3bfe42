// RFC 9110's token.
#include "common/core/token.hpp"

#include <string>

#include <catch2/catch.hpp>

using common::is_token;

TEST_CASE("token: letters, digits and fifteen marks") {
    CHECK(is_token("Az09!#$%&'*+-.^_`|~"));
    CHECK_FALSE(is_token(""));
    for (const char c : std::string("\0 \t\"(),/:;<=>?@[\\]{}\x7f\x80\xe1", 23))
        CHECK_FALSE(is_token("a" + std::string(1, c)));
}
