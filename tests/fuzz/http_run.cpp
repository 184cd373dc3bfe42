#include "tests/fuzz/http_run.hpp"

#include <algorithm>

#include "tests/fuzz/fuzz.hpp"

namespace fuzz {
namespace {

using common::MessageParser;
using common::ParseError;

// Parses what it can of `pending`; false when it wants more input.
bool advance(MessageParser& parser, std::string& pending, ReadMessage& message, std::size_t& at,
             ParseError& error) {
    if (pending.empty()) return false;
    const MessageParser::Phase before = parser.phase();
    const MessageParser::Step step = parser.parse(pending);
    HOLDS(step.consumed <= pending.size());
    for (const std::string_view part : step.body)
        message.body += part;
    pending.erase(0, step.consumed);
    at += step.consumed;
    error = step.error;
    return error == ParseError::none && (step.consumed > 0 || parser.phase() != before);
}

void begin(MessageParser& parser, ReadMessage& message, bool requests, bool to_head) {
    if (requests) {
        parser.begin_request(message.request);
    } else {
        parser.begin_response(message.response, to_head);
    }
}

}  // namespace

common::ParserLimits small_limits() {
    common::ParserLimits limits;
    limits.header_bytes_max = 2000;
    limits.field_count_max = 30;
    return limits;
}

Transcript read_messages(std::string_view bytes, bool requests, bool to_head,
                         const std::function<std::size_t()>& next_size) {
    Transcript transcript;
    MessageParser parser(small_limits());
    std::string pending;
    std::size_t fed = 0;
    std::size_t at = 0;
    while (transcript.error == ParseError::none && (fed < bytes.size() || !pending.empty())) {
        ReadMessage message;
        begin(parser, message, requests, to_head);
        while (parser.phase() != MessageParser::Phase::done) {
            if (advance(parser, pending, message, at, transcript.error)) continue;
            if (transcript.error != ParseError::none) return transcript;
            if (fed == bytes.size()) {
                transcript.error = parser.parse_end();
                if (transcript.error != ParseError::none) return transcript;
                continue;
            }
            const std::size_t size = std::max<std::size_t>(next_size(), 1);
            const std::string_view piece = bytes.substr(fed, size);
            pending += piece;
            fed += piece.size();
        }
        message.trailers = parser.trailers();
        message.end = at;
        transcript.messages.push_back(std::move(message));
    }
    return transcript;
}

std::vector<Field> list_of(const common::Fields& fields) {
    std::vector<Field> list;
    for (std::size_t i = 0; i < fields.size(); ++i)
        list.emplace_back(fields[i].name, fields[i].value);
    return list;
}

void require_same(const Transcript& a, const Transcript& b, bool requests) {
    HOLDS(a.messages.size() == b.messages.size());
    // What is wrong with a message may show in one piece and never come to an end in another.
    HOLDS((a.error == ParseError::none) == (b.error == ParseError::none));
    for (std::size_t i = 0; i < a.messages.size(); ++i) {
        const ReadMessage& x = a.messages[i];
        const ReadMessage& y = b.messages[i];
        HOLDS(x.end == y.end);
        HOLDS(x.body == y.body);
        HOLDS(list_of(x.trailers) == list_of(y.trailers));
        if (requests) {
            HOLDS(x.request.method == y.request.method);
            HOLDS(x.request.target == y.request.target);
            HOLDS(x.request.version == y.request.version);
            HOLDS(x.request.keep_alive == y.request.keep_alive);
            HOLDS(x.request.upgrade == y.request.upgrade);
            HOLDS(list_of(x.request.fields) == list_of(y.request.fields));
        } else {
            HOLDS(x.response.status == y.response.status);
            HOLDS(x.response.keep_alive == y.response.keep_alive);
            HOLDS(list_of(x.response.fields) == list_of(y.response.fields));
        }
    }
}

}  // namespace fuzz
