// The queue-proxy's side of a slot stream, on a real admission.
#include "proxy/core/slot_claim.hpp"

#include <catch2/catch.hpp>

using namespace proxy;
using namespace std::chrono_literals;
using Kind = SlotMessage::Kind;

namespace {

struct Fixture {
    // "grant 1", "lapse 1", … for what is said to a claim since the last call.
    std::string say(SlotClaim& claim, const std::string& line) {
        admission.tick(now);
        std::string said = carry_out();
        const std::optional<SlotMessage> answer =
            claim.hear(common::parse_slot_message(line).value(), admission, now);
        if (answer) said += spoken(claim, *answer);
        return said + carry_out();
    }
    std::string carry_out() {
        admission.check_invariants();
        std::string said;
        const std::vector<AdmissionAction> actions(admission.actions().begin(),
                                                   admission.actions().end());
        admission.clear_actions();
        for (const AdmissionAction& action : actions) {
            SlotClaim& claim = SlotClaim::stream_of(action.reservation) == 1 ? first : second;
            said += spoken(claim, claim.tell(action));
        }
        return said;
    }
    static std::string spoken(const SlotClaim& claim, const SlotMessage& message) {
        return std::to_string(claim.activator().value) + ":" + to_line(message);
    }
    std::string wait(Duration time) {
        now += time;
        admission.tick(now);
        return carry_out();
    }
    Verdict attempt(std::uint64_t id, ActivatorId activator = {}) {
        const Verdict verdict = admission.arrive(
            {.id = {id}, .when_full = WhenFull::refuse, .activator = activator}, now);
        return verdict;
    }
    std::string release(std::uint64_t id) {
        admission.release({id}, now);
        return carry_out();
    }

    Instant now{std::chrono::hours(1)};
    Admission admission{AdmissionLimits::of_container_concurrency(1), now};
    SlotClaim first{1};
    SlotClaim second{2};
};

}  // namespace

TEST_CASE("slot claim: the oldest reservation of all streams is granted, then the next",
          "[proxy][core]") {
    Fixture f;
    f.attempt(1);
    CHECK(f.say(f.first, "want 1 5000") == "");
    CHECK(f.say(f.second, "want 1 9000") == "");
    CHECK(f.release(1) == "2:grant 1\n");
    CHECK(f.attempt(2) == Verdict::refused);  // without the grant
    CHECK(f.attempt(3, f.first.activator()) == Verdict::refused);
    CHECK(f.attempt(4, f.second.activator()) == Verdict::admitted);
    CHECK(f.release(4) == "1:grant 1\n");
}

TEST_CASE("slot claim: a corrected age changes the turn", "[proxy][core]") {
    Fixture f;
    f.attempt(1);
    f.say(f.first, "want 1 9000");
    f.say(f.second, "want 1 5000");
    SECTION("to later") {
        f.say(f.first, "want 1 1000");
    }
    SECTION("to earlier") {
        f.say(f.second, "want 1 10000");
    }
    CHECK(f.release(1) == "2:grant 1\n");
    CHECK(f.admission.counts().reserved == 1);
}

TEST_CASE("slot claim: a free slot is granted at once", "[proxy][core]") {
    Fixture f;
    CHECK(f.say(f.first, "want 1 0") == "1:grant 1\n");
    CHECK(f.say(f.second, "want 1 0") == "");
    CHECK(f.say(f.first, "none 1") == "2:grant 1\n");
    CHECK(f.wait(1s) == "2:lapse 1\n");
    CHECK(f.admission.counts().granted == 0);
}

TEST_CASE("slot claim: a want that crossed its grant makes no second reservation",
          "[proxy][core]") {
    Fixture f;
    f.attempt(1);
    f.say(f.first, "want 1 1000");
    CHECK(f.release(1) == "1:grant 1\n");
    SECTION("before the grant is used") {
        CHECK(f.say(f.first, "want 1 2000") == "");
        CHECK(f.attempt(2, f.first.activator()) == Verdict::admitted);
    }
    SECTION("after it was used") {
        CHECK(f.attempt(2, f.first.activator()) == Verdict::admitted);
        CHECK(f.say(f.first, "want 1 2000") == "");
    }
    CHECK(f.admission.counts().reserved == 0);
    // The next one is another reservation, wherever the request with the first grant is.
    CHECK(f.say(f.first, "want 2 2000") == "");
    CHECK(f.admission.counts().reserved == 1);
    CHECK(f.say(f.first, "none 1") == "");
    CHECK(f.release(2) == "1:grant 2\n");
}

TEST_CASE("slot claim: the next want may come before the request with the grant", "[proxy][core]") {
    Fixture f;
    f.say(f.first, "want 1 0");
    CHECK(f.say(f.first, "want 2 0") == "");
    CHECK(f.attempt(1, f.first.activator()) == Verdict::admitted);
    CHECK(f.admission.counts().reserved == 1);
}

TEST_CASE("slot claim: a stream has one reservation at most, whatever it says", "[proxy][core]") {
    Fixture f;
    f.attempt(1);
    for (const char* line : {"want 5 0", "want 7 0", "want 6 0", "want 7 9", "want 0 0"}) {
        f.say(f.first, line);
        CHECK(f.admission.counts().reserved == 1);
    }
    f.say(f.first, "none 9");
    CHECK(f.admission.counts().reserved == 0);
    f.say(f.first, "want 9 0");
    CHECK(f.admission.counts().reserved == 0);
}

TEST_CASE("slot claim: a reservation that is not renewed lapses, a renewed one does not",
          "[proxy][core]") {
    Fixture f;
    f.attempt(1);
    f.say(f.first, "want 1 0");
    f.say(f.second, "want 1 0");
    CHECK(f.wait(2s) == "");
    f.say(f.second, "want 1 2000000");
    CHECK(f.wait(1s) == "1:lapse 1\n");
    CHECK(f.say(f.first, "want 1 3000000") == "");  // it crossed the lapse
    CHECK(f.admission.counts().reserved == 1);
    CHECK(f.say(f.first, "want 2 3000001") == "");
    CHECK(f.release(1) == "1:grant 2\n");
}

TEST_CASE("slot claim: the end of a stream frees all that it has", "[proxy][core]") {
    Fixture f;
    f.say(f.first, "want 1 0");
    f.say(f.first, "want 2 0");
    f.say(f.second, "want 1 0");
    f.admission.forget(f.first.activator(), f.now);
    CHECK(f.carry_out() == "2:grant 1\n");
    CHECK(f.admission.counts().reserved == 0);
    f.admission.forget(f.second.activator(), f.now);
    CHECK(f.attempt(1) == Verdict::admitted);
}

TEST_CASE("slot claim: a pod without a limit grants everything and counts nothing",
          "[proxy][core]") {
    Admission open(AdmissionLimits::of_container_concurrency(0), Instant{});
    SlotClaim claim(1);
    const std::optional<SlotMessage> answer = claim.hear({Kind::want, 1, 1s}, open, Instant{});
    CHECK(answer == SlotMessage{Kind::grant, 1, {}});
    CHECK(open.counts().granted == 0);
}
