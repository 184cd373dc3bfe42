// Finding and removing our cookie among the application's.
#include "common/http/cookies.hpp"

#include <catch2/catch.hpp>

namespace common {
namespace {

using Values = std::vector<std::string_view>;

TEST_CASE("cookies: all values of a name, in order, over several fields", "[common][http]") {
    Fields fields;
    fields.add("Cookie", "a=1; sd=x; b=2;sd=y ; sd2=no; Sd=no");
    fields.add("cookie", "sd=z=z;sd=");
    CHECK(find_cookies(fields, "sd") == Values{"x", "y", "z=z", ""});
    CHECK(find_cookies(fields, "s").empty());
    CHECK(find_cookies(Fields{}, "sd").empty());
}

TEST_CASE("cookies: strip keeps the others byte for byte", "[common][http]") {
    Fields fields;
    fields.add("Cookie", "a=1; sd=x; b=\"q;r\"; c");
    fields.add("X", "sd=stays");
    strip_cookie(fields, "sd");
    CHECK(fields.get("Cookie") == "a=1; b=\"q; r\"; c");
    CHECK(fields.get("X") == "sd=stays");
}

TEST_CASE("cookies: a field without ours keeps its odd spacing", "[common][http]") {
    Fields fields;
    const std::string odd = " a=1;;b = 2 ;  sdx=3;";
    fields.add("Cookie", odd);
    strip_cookie(fields, "sd");
    CHECK(fields.get("Cookie") == odd);
}

TEST_CASE("cookies: a field of nothing but ours goes away", "[common][http]") {
    Fields fields;
    fields.add("Cookie", "sd=x; sd=y");
    fields.add("Cookie", "k=v");
    strip_cookie(fields, "sd");
    CHECK(fields.count("Cookie") == 1);
    CHECK(fields.get("Cookie") == "k=v");
}

}  // namespace
}  // namespace common
