// Slot messages: the same however the bytes are cut, and what is read can be written and read
// again.
#include <vector>

#include "common/core/slot_message.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

struct Run {
    std::vector<common::SlotMessage> messages;
    bool broken = false;
};

Run read(std::string_view bytes, std::size_t step) {
    Run run;
    common::SlotLines lines;
    while (!bytes.empty() && !run.broken) {
        const std::string_view piece = bytes.substr(0, step);
        bytes.remove_prefix(piece.size());
        lines.add(piece);
        while (const std::optional<common::SlotMessage> message = lines.next())
            run.messages.push_back(*message);
        run.broken = lines.broken();
    }
    return run;
}

}  // namespace

FUZZ_TARGET(data, size) {
    fuzz::Input input(data, size);
    const std::size_t step = input.byte() % 8U + 1;
    const std::string_view bytes = input.rest();
    const Run whole = read(bytes, bytes.size() + 1);
    const Run cut = read(bytes, step);
    HOLDS(whole.broken == cut.broken);
    HOLDS(whole.messages == cut.messages);
    for (const common::SlotMessage& message : whole.messages) {
        std::string line = to_line(message);
        HOLDS(line.ends_with('\n'));
        line.pop_back();
        HOLDS(common::parse_slot_message(line) == message);
    }
    return 0;
}
