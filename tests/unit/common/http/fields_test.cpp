#include "common/http/fields.hpp"

#include <string>

#include <catch2/catch.hpp>

namespace common {
namespace {

TEST_CASE("fields: a name is found in any case, whatever its first letter and length",
          "[common][http]") {
    const std::string first = "AZaz09!#$%&'*+-.^_`|~";
    Fields fields;
    for (const char c : first) {
        for (std::size_t size = 1; size < 80; size += 7) {
            const std::string name = c + std::string(size - 1, 'x');
            std::string other = c + std::string(size - 1, 'X');
            if (c >= 'a' && c <= 'z') other.front() = static_cast<char>(c - 32);
            fields.clear();
            CHECK_FALSE(fields.has(other));
            fields.add(name, "value");
            CHECK(fields.get(other) == "value");
            CHECK(fields.count(other) == 1);
            CHECK(fields.lists(other, "VALUE"));
            CHECK(fields.joined(other) == "value");
            CHECK(fields.erase(other) == 1);
            CHECK_FALSE(fields.has(other));
        }
    }
}

TEST_CASE("fields: all of another's are added behind one's own", "[common][http]") {
    Fields from;
    from.add("Gone", "1");
    from.add("Accept", "a");
    from.add("Accept", "b");
    from.erase("gone");
    Fields to;
    to.add_all(from);
    to.add("Host", "x");
    to.add_all(from);
    CHECK(to.size() == 5);
    CHECK(to.joined("accept") == "a, b, a, b");
    CHECK(to[2].value == "x");
    CHECK_FALSE(to.has("Gone"));
    CHECK(from.joined("Accept") == "a, b");
}

TEST_CASE("fields: what is set or added after an erasure is found", "[common][http]") {
    Fields fields;
    fields.add("Via", "1");
    fields.add("Vid", "2");
    fields.erase_if([](std::string_view name) { return name == "Via"; });
    CHECK_FALSE(fields.has("via"));
    CHECK(fields.get("vid") == "2");
    fields.set("VIA", "3");
    CHECK(fields.get("via") == "3");
    fields.clear();
    CHECK_FALSE(fields.has("Via"));
    CHECK_FALSE(fields.has("Vid"));
    CHECK_FALSE(fields.has(""));
}

}  // namespace
}  // namespace common
