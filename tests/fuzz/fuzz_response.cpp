// Answers on a backend's connection. First byte: where the input is cut in two; odd: answers to
// HEAD.
#include <utility>

#include "common/http/forwarding.hpp"
#include "common/http/serialize.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/http_run.hpp"

namespace {

using common::BodyKind;

// What the relay sends to the client, read again: the same answer.
void require_relayed(const fuzz::ReadMessage& message) {
    common::ResponseHead head = common::forward_response_head(message.response);
    // The server's side gives an answer of unknown length the framing of its own connection.
    const bool unknown = head.body.kind == BodyKind::until_close;
    if (unknown) head.body.kind = BodyKind::chunked;
    std::string bytes;
    common::append_response_head(bytes, head);
    if (head.body.kind == BodyKind::chunked) {
        if (!message.body.empty()) {
            bytes += common::ChunkHeader(message.body.size()).view();
            bytes += message.body + "\r\n";
        }
        common::append_last_chunk(bytes, common::forward_trailers(message.trailers));
    } else {
        bytes += message.body;
    }
    const bool to_head = head.body.kind == BodyKind::none;
    const auto again = fuzz::read_messages(bytes, false, to_head, [&] { return bytes.size(); });
    // The relay's own fields may take a head over the small limit.
    if (again.error == common::ParseError::header_too_large) return;
    HOLDS(again.error == common::ParseError::none);
    HOLDS(again.messages.size() == 1);
    HOLDS(again.messages[0].response.status == message.response.status);
    HOLDS(again.messages[0].body == message.body);
}

}  // namespace

FUZZ_TARGET(data, size) {
    fuzz::Input input(data, size);
    const std::size_t cut = input.byte() + std::size_t{1};
    const bool to_head = cut % 2 == 0;
    const std::string_view bytes = input.rest();
    const auto whole = [&] { return bytes.size(); };
    const auto single = [] { return std::size_t{1}; };
    bool first = true;
    const auto two = [&] { return std::exchange(first, false) ? cut : bytes.size(); };

    const fuzz::Transcript at_once = fuzz::read_messages(bytes, false, to_head, whole);
    fuzz::require_same(at_once, fuzz::read_messages(bytes, false, to_head, single), false);
    fuzz::require_same(at_once, fuzz::read_messages(bytes, false, to_head, two), false);
    for (const fuzz::ReadMessage& message : at_once.messages) {
        HOLDS(message.response.status >= 100 && message.response.status <= 999);
        HOLDS(common::status_has_body(message.response.status) || message.body.empty());
        require_relayed(message);
    }
    return 0;
}
