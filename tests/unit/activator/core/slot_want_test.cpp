#include "activator/core/slot_want.hpp"

#include <catch2/catch.hpp>

using namespace activator;
using namespace std::chrono_literals;
using Kind = SlotMessage::Kind;

namespace {

struct Fixture {
    Instant at(Duration time) const { return start + time; }
    // "want 1 20", "" if there is nothing to say.
    std::string follow(std::optional<Duration> wanted, Duration now) {
        std::optional<Instant> since;
        if (wanted) since = at(*wanted);
        const std::optional<SlotMessage> message = want.follow(since, at(now));
        if (!message) return "";
        std::string line = to_line(*message);
        line.pop_back();
        return line;
    }

    Instant start{std::chrono::hours(1)};
    SlotWant want{start};
};

}  // namespace

TEST_CASE("slot want: a reservation, its corrections, and its end", "[activator][core]") {
    Fixture f;
    CHECK(f.follow(std::nullopt, 0ms) == "");
    CHECK(f.follow(0ms, 5ms) == "want 1 5000");
    CHECK(f.follow(0ms, 6ms) == "");
    CHECK(f.follow(4ms, 7ms) == "want 1 3000");  // the oldest went; the next is younger
    CHECK(f.follow(std::nullopt, 8ms) == "none 1");
    CHECK(f.follow(std::nullopt, 9ms) == "");
    CHECK(f.follow(4ms, 9ms) == "want 2 5000");
}

TEST_CASE("slot want: a waiting reservation is renewed each second", "[activator][core]") {
    Fixture f;
    f.follow(0ms, 0ms);
    CHECK(f.want.next_deadline() == f.at(1s));
    CHECK(f.follow(0ms, 999ms) == "");
    CHECK(f.follow(0ms, 1s) == "want 1 1000000");
    CHECK(f.want.next_deadline() == f.at(2s));
    CHECK_FALSE(f.want.over(f.at(1h)));
}

TEST_CASE("slot want: a grant is taken once, and only that of the present reservation",
          "[activator][core]") {
    Fixture f;
    CHECK_FALSE(f.want.take_grant(1, f.at(0ms)));
    f.follow(0ms, 0ms);
    CHECK_FALSE(f.want.take_grant(2, f.at(1ms)));
    CHECK(f.want.take_grant(1, f.at(1ms)));
    CHECK_FALSE(f.want.take_grant(1, f.at(1ms)));
    CHECK(f.follow(0ms, 1ms) == "want 2 1000");
    CHECK_FALSE(f.want.take_grant(1, f.at(2ms)));
    f.follow(std::nullopt, 3ms);
    CHECK_FALSE(f.want.take_grant(2, f.at(4ms)));  // it crossed our `none`
}

TEST_CASE("slot want: what lapsed is wanted again under a new number", "[activator][core]") {
    Fixture f;
    f.follow(0ms, 0ms);
    f.want.lapsed(7, f.at(1ms));
    CHECK(f.follow(0ms, 1ms) == "");
    f.want.lapsed(1, f.at(2ms));
    CHECK(f.follow(0ms, 2ms) == "want 2 2000");
}

TEST_CASE("slot want: the stream is over when nothing was wanted for a while",
          "[activator][core]") {
    Fixture f;
    CHECK(f.want.next_deadline() == f.at(5s));
    CHECK_FALSE(f.want.over(f.at(5s - 1ns)));
    CHECK(f.want.over(f.at(5s)));
    f.follow(0ms, 4s);
    f.follow(std::nullopt, 6s);
    CHECK_FALSE(f.want.over(f.at(10s)));
    CHECK(f.want.over(f.at(11s)));
}
