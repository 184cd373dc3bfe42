// Requests on a connection, pipelined too. First byte: where the input is cut in two.
#include <utility>

#include "common/http/forwarding.hpp"
#include "common/http/serialize.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/http_run.hpp"
#include "tests/fuzz/strict_http.hpp"

namespace {

using common::BodyKind;
using fuzz::ReadMessage;

// What the relay sends on, read again: one message, the same, with nothing left over.
void require_relayed(const ReadMessage& message) {
    common::RequestHead head = common::forward_request_head(message.request, "10.0.0.1:80");
    head.fields.set("Host", "pod:8012");
    std::string bytes;
    common::append_request_head(bytes, head);
    if (head.body.kind == BodyKind::chunked) {
        if (!message.body.empty()) {
            bytes += common::ChunkHeader(message.body.size()).view();
            bytes += message.body + "\r\n";
        }
        common::append_last_chunk(bytes, common::forward_trailers(message.trailers));
    } else {
        bytes += message.body;
    }
    const auto again = fuzz::read_strict_request(bytes);
    HOLDS(again.has_value());
    HOLDS(again->size == bytes.size());
    HOLDS(again->body == message.body);
    HOLDS(again->start_line == message.request.method + " " + message.request.target + " HTTP/1.1");
}

void require_unambiguous(std::string_view bytes, const fuzz::Transcript& transcript) {
    std::size_t begin = 0;
    for (const ReadMessage& message : transcript.messages) {
        const auto strict = fuzz::read_strict_request(bytes.substr(begin));
        HOLDS(strict.has_value());
        HOLDS(strict->size == message.end - begin);
        HOLDS(strict->body == message.body);
        HOLDS(strict->fields == fuzz::list_of(message.request.fields));
        HOLDS(strict->trailers == fuzz::list_of(message.trailers));
        const bool chunked = message.request.body.kind == BodyKind::chunked;
        HOLDS(chunked || message.request.body.length == message.body.size());
        HOLDS(message.request.fields.size() <= fuzz::small_limits().field_count_max);
        begin = message.end;
    }
}

}  // namespace

FUZZ_TARGET(data, size) {
    fuzz::Input input(data, size);
    const std::size_t cut = input.byte() + std::size_t{1};
    const std::string_view bytes = input.rest();
    const auto whole = [&] { return bytes.size(); };
    const auto single = [] { return std::size_t{1}; };
    bool first = true;
    const auto two = [&] { return std::exchange(first, false) ? cut : bytes.size(); };

    const fuzz::Transcript at_once = fuzz::read_messages(bytes, true, false, whole);
    fuzz::require_same(at_once, fuzz::read_messages(bytes, true, false, single), true);
    fuzz::require_same(at_once, fuzz::read_messages(bytes, true, false, two), true);
    require_unambiguous(bytes, at_once);
    for (const ReadMessage& message : at_once.messages)
        require_relayed(message);
    return 0;
}
