#include "common/core/slot_message.hpp"

#include <catch2/catch.hpp>

using namespace common;
using namespace std::chrono_literals;
using Kind = SlotMessage::Kind;

TEST_CASE("slot message: every kind is read back as it was written", "[common][core]") {
    const SlotMessage messages[] = {
        {Kind::want, 1, 0us},         {Kind::want, 4'294'967'295U, slot_age_max},
        {Kind::want, 7, 1'234'567us}, {Kind::none, 2, {}},
        {Kind::grant, 3, {}},         {Kind::lapse, 4, {}}};
    for (const SlotMessage& message : messages) {
        std::string line = to_line(message);
        REQUIRE(line.ends_with('\n'));
        line.pop_back();
        CHECK(parse_slot_message(line) == message);
    }
    CHECK(to_line({Kind::want, 5, 1500ns}) == "want 5 1\n");
    CHECK(to_line({Kind::want, 5, -1s}) == "want 5 0\n");
}

TEST_CASE("slot message: anything else is no message", "[common][core]") {
    for (const char* line : {"",
                             "want",
                             "want 1",
                             "want 1 ",
                             "want  1 2",
                             "want 1 2 ",
                             "want 1 -2",
                             "want -1 2",
                             "want 4294967296 1",
                             "want 1 31536000000001",
                             "want 1 99999999999999999999",
                             "want 1 2 3",
                             "Want 1 2",
                             "none",
                             "none 1 2",
                             "none x",
                             "grant",
                             "grant 1\r",
                             "grants 1",
                             "lapse +1"}) {
        INFO(line);
        CHECK_FALSE(parse_slot_message(line));
    }
}

TEST_CASE("slot lines: cut anywhere, the messages are the same", "[common][core]") {
    const std::string text = "want 1 20\nnone 1\nwant 2 4294967296\n";
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        SlotLines lines;
        std::string read;
        for (const std::string& part : {text.substr(0, cut), text.substr(cut)}) {
            lines.add(part);
            while (const std::optional<SlotMessage> message = lines.next())
                read += to_line(*message);
        }
        CHECK(read == text);
        CHECK_FALSE(lines.broken());
    }
}

TEST_CASE("slot lines: garbage ends it for good, without a line's end too", "[common][core]") {
    SlotLines lines;
    lines.add("GET / HTTP/1.1\nwant 1 2\n");
    CHECK_FALSE(lines.next());
    CHECK(lines.broken());
    CHECK_FALSE(lines.next());

    SlotLines endless;
    endless.add(std::string(40, '1'));
    CHECK_FALSE(endless.next());
    CHECK_FALSE(endless.broken());
    endless.add("1");
    CHECK_FALSE(endless.next());
    CHECK(endless.broken());
}
