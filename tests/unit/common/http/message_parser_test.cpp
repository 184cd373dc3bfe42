// What a relay must refuse and what it must understand, however the bytes arrive.
#include "common/http/message_parser.hpp"

#include <array>
#include <random>

#include <catch2/catch.hpp>

namespace common {
namespace {

struct Parsed {
    ParseError error = ParseError::none;
    MessageParser::Phase phase = MessageParser::Phase::head;
    std::string body;
    std::string rest;
    RequestHead request;
    ResponseHead response;
    std::string fields;
    std::string trailers;
};

std::string flat(const Fields& fields) {
    std::string all;
    for (std::size_t i = 0; i < fields.size(); ++i) {
        all += fields[i].name;
        all += '=';
        all += fields[i].value;
        all += '|';
    }
    return all;
}

// Feeds `bytes` in steps whose sizes `next_step` gives.
template <class NextStep>
Parsed parse(std::string_view bytes, bool request, NextStep next_step, ParserLimits limits = {},
             bool to_head_request = false) {
    Parsed p;
    MessageParser parser(limits);
    if (request) {
        parser.begin_request(p.request);
    } else {
        parser.begin_response(p.response, to_head_request);
    }
    std::string pending;
    std::size_t at = 0;
    while (parser.phase() != MessageParser::Phase::done && p.error == ParseError::none) {
        const std::size_t n = std::min(next_step(), bytes.size() - at);
        const bool ended = n == 0;
        pending.append(bytes.substr(at, n));
        at += n;
        bool moved = true;
        while (moved && !pending.empty() && parser.phase() != MessageParser::Phase::done) {
            const MessageParser::Phase before = parser.phase();
            const MessageParser::Step step = parser.parse(pending);
            for (const std::string_view part : step.body)
                p.body += part;
            pending.erase(0, step.consumed);
            p.error = step.error;
            moved = p.error == ParseError::none && (step.consumed > 0 || parser.phase() != before);
        }
        if (ended && p.error == ParseError::none && parser.phase() != MessageParser::Phase::done)
            p.error = parser.parse_end();
    }
    p.phase = parser.phase();
    p.rest = pending + std::string(bytes.substr(at));
    p.fields = flat(request ? p.request.fields : p.response.fields);
    p.trailers = flat(parser.trailers());
    return p;
}

Parsed whole_request(std::string_view bytes, ParserLimits limits = {}) {
    return parse(bytes, true, [&] { return bytes.size(); }, limits);
}

Parsed whole_response(std::string_view bytes, bool to_head = false) {
    return parse(bytes, false, [&] { return bytes.size(); }, {}, to_head);
}

std::string req(std::string_view lines, std::string_view body = "") {
    return "POST /x HTTP/1.1\r\nHost: h\r\n" + std::string(lines) + "\r\n" + std::string(body);
}

TEST_CASE("parser: framing that two servers could read differently is refused", "[common][http]") {
    const auto [bytes, error] = GENERATE(table<std::string, ParseError>({
        {req("Transfer-Encoding: xchunked\r\n"), ParseError::unsupported_transfer},
        {req("Transfer-Encoding: chunked, gzip\r\n", "hello"), ParseError::unsupported_transfer},
        {req("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"),
         ParseError::unsupported_transfer},
        {req("Transfer-Encoding: gzip\r\n"), ParseError::unsupported_transfer},
        {req("Transfer-Encoding: identity\r\n"), ParseError::unsupported_transfer},
        {req("Transfer-Encoding:\r\n"), ParseError::unsupported_transfer},
        {req("Transfer-Encoding: \"chunked\"\r\n"), ParseError::unsupported_transfer},
        {req("Transfer-Encoding: gzip\r\nContent-Length: 5\r\n", "hello"),
         ParseError::unsupported_transfer},
        {req("Content-Length: 5\r\nTransfer-Encoding: gzip\r\n", "hello"), ParseError::bad_message},
        {req("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
         ParseError::bad_message},
        {req("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"),
         ParseError::bad_message},
        {req("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
         ParseError::bad_message},
        {req("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n"),
         ParseError::bad_message},
        {req("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"), ParseError::bad_message},
        {req("Content-Length: 5, 5\r\n", "hello"), ParseError::bad_message},
        {req("Content-Length: +5\r\n", "hello"), ParseError::bad_message},
        {req("Content-Length: -5\r\n", "hello"), ParseError::bad_message},
        {req("Content-Length: 0x5\r\n", "hello"), ParseError::bad_message},
        {req("Content-Length: 5 5\r\n", "hello"), ParseError::bad_message},
        {req("Content-Length:\r\n"), ParseError::bad_message},
        {req("Content-Length: 99999999999999999999\r\n", "x"), ParseError::bad_message},
        {req("X: a\r\n b\r\n"), ParseError::bad_message},
        {req("X: a\r\n\tb\r\n"), ParseError::bad_message},
        {req("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"), ParseError::bad_message},
        {req("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"), ParseError::bad_message},
        {req(" X: a\r\n"), ParseError::bad_message},
        {req("X: a\nY: b\r\n"), ParseError::bad_message},
        {req("X: a\rY: b\r\n"), ParseError::bad_message},
        {req(std::string("X: a\0b\r\n", 8)), ParseError::bad_message},
        {req("X\x01: a\r\n"), ParseError::bad_message},
        {req(": a\r\n"), ParseError::bad_message},
        {req("no colon\r\n"), ParseError::bad_message},
        {req("Host: h\r\n"), ParseError::bad_message},
        {req("Host: other\r\n"), ParseError::bad_message},
        {"GET / HTTP/1.1\r\n\r\n", ParseError::bad_message},
        {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", ParseError::bad_message},
        {"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", ParseError::bad_message},
        {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", ParseError::bad_message},
        {"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", ParseError::bad_message},
        {"GET / HTTP/1.1\r\n Host: h\r\n\r\n", ParseError::bad_message},
        {"GET  / HTTP/1.1\r\nHost: h\r\n\r\n", ParseError::bad_message},
        {"GET x HTTP/1.1\r\nHost: h\r\n\r\n", ParseError::bad_message},
        {"GET x?://h/y HTTP/1.1\r\nHost: h\r\n\r\n", ParseError::bad_message},
        {"GET ://h/y HTTP/1.1\r\nHost: h\r\n\r\n", ParseError::bad_message},
        {"GET http:///y HTTP/1.1\r\nHost: h\r\n\r\n", ParseError::bad_message},
        {"GET http://a@h/y HTTP/1.1\r\nHost: h\r\n\r\n", ParseError::bad_message},
        {"GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", ParseError::bad_version},
        {"GET /\r\nHost: h\r\n\r\n", ParseError::bad_message},
        {"GET / HTTP/1.2\r\nHost: h\r\n\r\n", ParseError::bad_version},
        {"GET / HTTP/0.9\r\nHost: h\r\n\r\n", ParseError::bad_version},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ParseError::bad_version},
        {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ParseError::bad_message},
        {req("Transfer-Encoding: chunked\r\n", "g\r\n"), ParseError::bad_message},
        {req("Transfer-Encoding: chunked\r\n", "-1\r\n"), ParseError::bad_message},
        {req("Transfer-Encoding: chunked\r\n", "ffffffffffffffff0\r\n"), ParseError::bad_message},
        {req("Transfer-Encoding: chunked\r\n", "3\r\nabcd\r\n0\r\n\r\n"), ParseError::bad_message},
        {req("Transfer-Encoding: chunked\r\n", "1;a=\"\n\"\r\nb\r\n0\r\n\r\n"),
         ParseError::bad_message},
        {req("Transfer-Encoding: chunked\r\n", "0;a=\"\x01\"\r\n\r\n"), ParseError::bad_message},
        {req("Transfer-Encoding: chunked\r\n", "0\r\nT: u\r\n v\r\n\r\n"), ParseError::bad_message},
        {req("Transfer-Encoding: chunked\r\n", "1\r\nb\r\n0\r\n T: u\r\n\r\n"),
         ParseError::bad_message},
        {req("Transfer-Encoding: chunked\r\n", "3\r\nabc"), ParseError::truncated},
        {req("Content-Length: 3\r\n", "ab"), ParseError::truncated},
    }));
    CAPTURE(bytes);
    CHECK(whole_request(bytes).error == error);
    const Parsed slowly = parse(bytes, true, [] { return std::size_t{1}; });
    CHECK(slowly.error == error);
}

TEST_CASE("parser: lines that end with a bare LF make no message", "[common][http]") {
    const std::string bytes = "GET / HTTP/1.1\nHost: h\n\n";
    CHECK(whole_request(bytes).error != ParseError::none);
    CHECK(parse(bytes, true, [] { return std::size_t{1}; }).error == ParseError::truncated);
}

TEST_CASE("parser: an empty chunked body may come byte by byte", "[common][http]") {
    const std::string bytes = req("Transfer-Encoding: chunked\r\n", "0\r\n\r\nrest");
    const Parsed p = parse(bytes, true, [] { return std::size_t{1}; });
    CHECK(p.error == ParseError::none);
    CHECK(p.phase == MessageParser::Phase::done);
    CHECK(p.body.empty());
}

TEST_CASE("parser: unusual requests that mean one thing only", "[common][http]") {
    SECTION("equal lengths twice") {
        const Parsed p = whole_request(req("Content-Length: 2\r\nContent-Length: 2\r\n", "ab"));
        CHECK(p.error == ParseError::none);
        CHECK(p.body == "ab");
    }
    SECTION("old version, no host") {
        const Parsed p = whole_request("GET / HTTP/1.0\r\n\r\n");
        CHECK(p.error == ParseError::none);
        CHECK(p.request.version == 10);
        CHECK_FALSE(p.request.keep_alive);
    }
    SECTION("coding in capitals") {
        const Parsed p =
            whole_request(req("TRANSFER-ENCODING: Chunked \r\n", "1\r\na\r\n0\r\n\r\n"));
        CHECK(p.error == ParseError::none);
        CHECK(p.request.body.kind == BodyKind::chunked);
        CHECK(p.body == "a");
    }
    SECTION("chunk extensions and trailers") {
        const Parsed p = whole_request(
            req("Transfer-Encoding: chunked\r\n", "3;a=\"b c\"\r\nabc\r\n0;z\r\nT: u\r\n\r\nrest"));
        CHECK(p.error == ParseError::none);
        CHECK(p.body == "abc");
        CHECK(p.trailers == "T=u|");
        CHECK(p.rest == "rest");
        CHECK_FALSE(p.request.fields.has("T"));
    }
    SECTION("the target is left as it is") {
        const std::string target = GENERATE("//a/../b?x=1;y=%zz", "http://h/x", "*", "/%2F#f");
        const Parsed p = whole_request("GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n");
        CHECK(p.error == ParseError::none);
        CHECK(p.request.target == target);
    }
    SECTION("upgrade and expectation") {
        const Parsed p = whole_request(
            req("Connection: keep-alive, Upgrade\r\nUpgrade: ws\r\nExpect: 100-Continue\r\n"
                "Content-Length: 1\r\n",
                "a"));
        CHECK(p.request.upgrade);
        CHECK(p.request.expect_continue);
        CHECK(p.request.keep_alive);
        CHECK_FALSE(whole_request(req("Expect: 100-continue\r\n")).request.expect_continue);
        CHECK_FALSE(whole_request(req("Upgrade: ws\r\n")).request.upgrade);
        CHECK_FALSE(whole_request(req("Connection: close\r\n")).request.keep_alive);
    }
}

TEST_CASE("parser: the limits hold exactly", "[common][http]") {
    ParserLimits limits;
    limits.header_bytes_max = 200;
    limits.field_count_max = 5;
    const auto sized = [](std::size_t bytes) {
        std::string head = "GET / HTTP/1.1\r\nHost: h\r\nX: \r\n\r\n";
        head.insert(head.size() - 4, std::string(bytes - head.size(), 'x'));
        return head;
    };
    CHECK(whole_request(sized(200), limits).error == ParseError::none);
    CHECK(whole_request(sized(201), limits).error == ParseError::header_too_large);
    const auto one = [] { return std::size_t{1}; };
    CHECK(parse(sized(200), true, one, limits).error == ParseError::none);
    CHECK(parse(sized(201), true, one, limits).error == ParseError::header_too_large);
    const std::string field = "A: b\r\n";
    CHECK(whole_request(req(field + field + field + field), limits).error == ParseError::none);
    CHECK(whole_request(req(field + field + field + field + field), limits).error ==
          ParseError::header_too_large);
    // An endless line without any end.
    CHECK(parse(std::string(300, 'G'), true, one, limits).error == ParseError::header_too_large);
}

TEST_CASE("parser: a chunk's line and the trailers are bounded", "[common][http]") {
    const std::string head = req("Transfer-Encoding: chunked\r\n");
    const std::string endless = GENERATE(as<std::string>(), "1;", "0\r\nX: ", "0;");
    std::size_t fed = 0;
    const auto step = [&fed] {
        fed += 1000;
        return std::size_t{1000};
    };
    const Parsed p = parse(head + endless + std::string(1 << 20, 'x'), true, step);
    CHECK(p.error == ParseError::bad_message);
    CHECK(fed < 100'000);
}

TEST_CASE("parser: a chunk's line and trailers of sixty-four kibibytes pass", "[common][http]") {
    const std::string begin = GENERATE(as<std::string>(), "1;", "0\r\nX: ", "0;");
    const std::size_t more = GENERATE(0U, 1U);
    const std::string end = begin == "1;" ? "\r\na\r\n0\r\n\r\n" : "\r\n\r\n";
    // All of it but the last byte of its end is there at once, which is the most that must be held.
    const std::size_t held = (std::size_t{64} << 10) + more;
    const std::size_t line_end = begin == "1;" ? 1 : 3;
    const std::string body = begin + std::string(held - begin.size() - line_end, 'x') + end;
    std::size_t step = 0;
    const std::string head = req("Transfer-Encoding: chunked\r\n");
    const std::array<std::size_t, 3> steps{head.size(), held, body.size()};
    const Parsed p =
        parse(head + body, true, [&] { return steps[std::min<std::size_t>(step++, 2)]; });
    CHECK((p.error == ParseError::none) == (more == 0));
}

TEST_CASE("parser: where responses end", "[common][http]") {
    SECTION("length") {
        const Parsed p = whole_response("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc");
        CHECK(p.body == "ab");
        CHECK(p.rest == "c");
        CHECK(p.response.keep_alive);
    }
    SECTION("close") {
        const Parsed p = whole_response("HTTP/1.1 200 OK\r\n\r\nabc");
        CHECK(p.error == ParseError::none);
        CHECK(p.body == "abc");
        CHECK(p.response.body.kind == BodyKind::until_close);
        CHECK_FALSE(p.response.keep_alive);
    }
    SECTION("at the head") {
        const std::string status = GENERATE("100", "103", "101", "204", "304");
        const Parsed p = whole_response("HTTP/1.1 " + status + " X\r\n\r\nHTTP/1.1 200");
        CHECK(p.error == ParseError::none);
        CHECK(p.phase == MessageParser::Phase::done);
        CHECK(p.rest == "HTTP/1.1 200");
    }
    SECTION("to HEAD") {
        const std::string field =
            GENERATE("Content-Length: 9", "Transfer-Encoding: chunked", "X: y");
        const Parsed p = whole_response("HTTP/1.1 200 OK\r\n" + field + "\r\n\r\nrest", true);
        CHECK(p.error == ParseError::none);
        CHECK(p.phase == MessageParser::Phase::done);
        CHECK(p.response.body.kind == BodyKind::none);
        CHECK(p.rest == "rest");
        CHECK(p.response.keep_alive);
    }
    SECTION("nowhere") {
        CHECK(whole_response("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab").error ==
              ParseError::truncated);
        CHECK(whole_response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
                  .error == ParseError::truncated);
        CHECK(whole_response("HTTP/1.1 20").error == ParseError::truncated);
    }
    SECTION("doubtful") {
        CHECK(whole_response("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n").error ==
              ParseError::unsupported_transfer);
        CHECK(whole_response("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n")
                  .error == ParseError::bad_message);
        CHECK(whole_response("garbage\r\n\r\n").error != ParseError::none);
        CHECK(whole_response("HTTP/1.1 003 X\r\n\r\n").error == ParseError::bad_message);
        CHECK(whole_response("HTTP/1.1 099 X\r\n\r\n").error == ParseError::bad_message);
    }
}

// --- However the bytes arrive, the same message.

std::string random_message(std::mt19937& rng, bool request) {
    const auto below = [&rng](unsigned n) { return static_cast<unsigned>(rng() % n); };
    std::string m = request ? "POST /p" + std::to_string(below(100)) + " HTTP/1.1\r\nHost: h\r\n"
                            : "HTTP/1.1 200 OK\r\n";
    for (unsigned i = below(6); i > 0; --i)
        m += "F" + std::to_string(i) + ": " + std::string(below(30), 'v') + "\r\n";
    std::string body(below(200), 'b');
    for (char& c : body)
        c = static_cast<char>(below(256));
    switch (below(4)) {
        case 0:
            return m + "\r\n";
        case 1:
            return m + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
        case 2:
            m += "Transfer-Encoding: chunked\r\n";
            break;
        default:  // broken somewhere
            m += "Transfer-Encoding: chunked\r\n";
            m.insert(below(static_cast<unsigned>(m.size())), 1, static_cast<char>(below(256)));
    }
    m += "\r\n";
    for (std::size_t at = 0; at < body.size();) {
        const std::size_t n = std::min<std::size_t>(1 + below(50), body.size() - at);
        char size[16];
        std::snprintf(size, sizeof size, "%zx", n);
        m += size + std::string(below(2) ? ";e=1" : "") + "\r\n" + body.substr(at, n) + "\r\n";
        at += n;
    }
    return m + "0\r\n" + (below(2) ? "T: t\r\n" : "") + "\r\n";
}

TEST_CASE("parser: however the bytes arrive, the message is the same", "[common][http]") {
    for (unsigned seed = 0; seed < 2000; ++seed) {
        std::mt19937 rng(seed);
        const bool request = seed % 2 == 0;
        const std::string bytes = random_message(rng, request);
        const Parsed whole = parse(bytes, request, [&] { return bytes.size(); });
        const Parsed single = parse(bytes, request, [] { return std::size_t{1}; });
        const Parsed mixed = parse(bytes, request, [&] { return 1 + rng() % 40; });
        CAPTURE(seed, bytes);
        for (const Parsed& other : {single, mixed}) {
            REQUIRE(other.error == whole.error);
            if (whole.error != ParseError::none) continue;
            REQUIRE(other.body == whole.body);
            REQUIRE(other.fields == whole.fields);
            REQUIRE(other.trailers == whole.trailers);
            REQUIRE(other.rest == whole.rest);
            REQUIRE(other.request.target == whole.request.target);
        }
    }
}

}  // namespace
}  // namespace common
