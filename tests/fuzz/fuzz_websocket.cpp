// A server's WebSocket frames: the same however the bytes are cut, and bounded.
#include <string>
#include <vector>

#include "common/protocol/websocket.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using common::websocket::Frame;
using common::websocket::FrameReader;

constexpr std::size_t payload_max = 1000;

struct Run {
    std::vector<Frame> frames;
    bool failed = false;
};

Run read(std::string_view bytes, std::size_t step) {
    Run run;
    FrameReader reader(payload_max);
    while (!bytes.empty()) {
        const std::string_view piece = bytes.substr(0, step);
        bytes.remove_prefix(piece.size());
        reader.feed(piece);
        while (std::optional<Frame> frame = reader.next()) {
            HOLDS(!reader.failed());
            HOLDS(frame->payload.size() <= payload_max);
            run.frames.push_back(std::move(*frame));
        }
        if (!reader.failed()) continue;
        run.failed = true;
        reader.feed("\x82\x01x");  // a good frame comes too late
        HOLDS(!reader.next() && reader.failed());
        break;
    }
    return run;
}

}  // namespace

FUZZ_TARGET(data, size) {
    fuzz::Input input(data, size);
    const std::size_t step = input.byte() % 16U + 1;
    const std::string_view bytes = input.rest();
    const Run whole = read(bytes, bytes.size() + 1);
    const Run cut = read(bytes, step);
    HOLDS(whole.failed == cut.failed);
    HOLDS(whole.frames.size() == cut.frames.size());
    for (std::size_t i = 0; i < whole.frames.size(); ++i) {
        HOLDS(whole.frames[i].opcode == cut.frames[i].opcode);
        HOLDS(whole.frames[i].last == cut.frames[i].last);
        HOLDS(whole.frames[i].payload == cut.frames[i].payload);
    }
    HOLDS(common::websocket::accept_of(bytes).size() == 28);  // base64 of a SHA-1
    return 0;
}
