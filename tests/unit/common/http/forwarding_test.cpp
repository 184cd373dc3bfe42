// Heads on their way through us (contract queue-proxy.md 3.7, 3.8 and rows 55-61, activator.md 10
// rows 58-59), fields, dates, and bytes out.
#include "common/http/forwarding.hpp"

#include <catch2/catch.hpp>

#include "common/http/date.hpp"
#include "common/http/serialize.hpp"

namespace common {
namespace {

RequestHead request(std::initializer_list<Fields::Field> fields) {
    RequestHead head;
    head.method = "GET";
    head.target = "/";
    head.fields.add("Host", "h");
    for (const Fields::Field& field : fields)
        head.fields.add(field.name, field.value);
    head.upgrade = head.fields.has("Upgrade") && head.fields.lists("Connection", "upgrade");
    return head;
}

std::string sent(const RequestHead& head, std::string_view peer = "10.1.1.1:4711") {
    std::string out;
    append_request_head(out, forward_request_head(head, peer));
    return out;
}

const std::string me = "X-Forwarded-For: 10.1.1.1\r\n";

TEST_CASE("forwarding: the client's address goes to the end", "[common][http]") {
    CHECK(sent(request({})) == "GET / HTTP/1.1\r\nHost: h\r\n" + me + "\r\n");
    CHECK(sent(request({{"X-Forwarded-For", "1.2.3.4"}})) ==
          "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 1.2.3.4, 10.1.1.1\r\n\r\n");
    CHECK(sent(request({{"x-forwarded-for", "1.1.1.1"}, {"X-Forwarded-For", "2.2.2.2"}})) ==
          "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 1.1.1.1, 2.2.2.2, 10.1.1.1\r\n\r\n");
    CHECK(sent(request({}), "[::1]:80") ==
          "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: ::1\r\n\r\n");
    CHECK(host_of_peer("unix") == "unix");
}

TEST_CASE("forwarding: fields of the connection stay on it", "[common][http]") {
    for (const char* name : {"Connection", "Proxy-Connection", "keep-alive", "Proxy-Authenticate",
                             "PROXY-AUTHORIZATION", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
                             "Content-Length"}) {
        CAPTURE(name);
        CHECK(sent(request({{name, "x"}})) == "GET / HTTP/1.1\r\nHost: h\r\n" + me + "\r\n");
    }
    CHECK(sent(request({{"Connection", "close, X-Foo"}, {"X-Foo", "1"}, {"x-bar", "2"}})) ==
          "GET / HTTP/1.1\r\nHost: h\r\nx-bar: 2\r\n" + me + "\r\n");
    CHECK(sent(request({{"Connection", "close"}, {"connection", "X-Foo"}, {"x-foo", "1"}})) ==
          "GET / HTTP/1.1\r\nHost: h\r\n" + me + "\r\n");
}

TEST_CASE("forwarding: many fields that Connection names all go, the others stay",
          "[common][http]") {
    RequestHead head = request({});
    std::string names = "close";
    for (int i = 0; i < 900; ++i) {
        const std::string name = "X-" + std::to_string(i);
        head.fields.add(name, "1");
        if (i % 2 == 0) names += " , x-" + std::to_string(i);
    }
    head.fields.add("Connection", names + ",,");
    const RequestHead out = forward_request_head(head, "1.2.3.4:5");
    for (int i = 0; i < 900; ++i)
        REQUIRE(out.fields.has("X-" + std::to_string(i)) == (i % 2 == 1));
}

TEST_CASE("forwarding: what Connection names cannot hide who asks for what", "[common][http]") {
    CHECK(
        sent(request({{"Connection", "Host, X-Forwarded-For"}, {"X-Forwarded-For", "6.6.6.6"}})) ==
        "GET / HTTP/1.1\r\nHost: h\r\n" + me + "\r\n");
}

TEST_CASE("forwarding: trailers and upgrades are asked for anew", "[common][http]") {
    CHECK(sent(request({{"TE", "trailers, gzip"}})) ==
          "GET / HTTP/1.1\r\nHost: h\r\n" + me + "Te: trailers\r\n\r\n");
    CHECK(sent(request({{"Connection", "keep-alive, upgrade"}, {"Upgrade", "WebSocket"}})) ==
          "GET / HTTP/1.1\r\nHost: h\r\n" + me +
              "Connection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n");
}

TEST_CASE("forwarding: everything else goes through as it is", "[common][http]") {
    CHECK(sent(request({{"x-lower", "a"},
                        {"Cookie", "a=b; c=d"},
                        {"Cookie", "e"},
                        {"K-Proxy-Request", "activator"},
                        {"X-Empty", ""},
                        {"X_under", "u"}})) ==
          "GET / HTTP/1.1\r\nHost: h\r\nx-lower: a\r\nCookie: a=b; c=d\r\nCookie: e\r\n"
          "K-Proxy-Request: activator\r\nX-Empty: \r\nX_under: u\r\n" +
              me + "\r\n");
}

TEST_CASE("forwarding: a bodiless POST says so, and framing is written anew", "[common][http]") {
    for (const char* method : {"POST", "PUT", "PATCH"}) {
        RequestHead head = request({});
        head.method = method;
        CHECK(sent(head) == std::string(method) + " / HTTP/1.1\r\nHost: h\r\n" + me +
                                "Content-Length: 0\r\n\r\n");
    }
    RequestHead head = request({{"Content-Length", "7"}, {"Content-Length", "7"}});
    head.body = {BodyKind::length, 7};
    CHECK(sent(head) == "GET / HTTP/1.1\r\nHost: h\r\n" + me + "Content-Length: 7\r\n\r\n");
}

TEST_CASE("forwarding: response heads", "[common][http]") {
    ResponseHead head;
    head.status = 200;
    head.fields.add("Set-Cookie", "a=1");
    head.fields.add("Set-Cookie", "b=2");
    head.fields.add("Connection", "X-Drop");
    head.fields.add("X-Drop", "1");
    head.fields.add("Upgrade", "h2c");
    head.fields.add("Date", "then");
    head.body = {BodyKind::length, 3};
    std::string out;
    append_response_head(out, forward_response_head(head));
    CHECK(out ==
          "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nDate: then\r\n"
          "Content-Length: 3\r\n\r\n");
}

TEST_CASE("fields: names compare without case, removal removes all", "[common][http]") {
    Fields fields;
    fields.add("A", "1");
    fields.add("b", "2");
    fields.add("a", "3");
    CHECK(fields.get("a") == "1");
    CHECK(fields.joined("A") == "1, 3");
    CHECK(fields.count("a") == 2);
    CHECK_FALSE(fields.has("c"));
    CHECK(fields.get("c").empty());
    fields.set("B", "4");
    CHECK(fields.get("b") == "4");
    CHECK(fields.erase("A") == 2);
    CHECK(fields.size() == 1);
    CHECK(fields[0].name == "B");
    fields.add("L", "x, Y ,z");
    CHECK(fields.lists("l", "y"));
    CHECK_FALSE(fields.lists("l", "x, y"));
    CHECK_FALSE(fields.lists("l", ""));
    fields.clear();
    CHECK(fields.empty());
}

TEST_CASE("bytes out: chunks, trailers, dates", "[common][http]") {
    CHECK(ChunkHeader(0x1a2b).view() == "1a2b\r\n");
    CHECK(ChunkHeader(SIZE_MAX).view() == "ffffffffffffffff\r\n");
    std::string out;
    Fields trailers;
    append_last_chunk(out, trailers);
    CHECK(out == "0\r\n\r\n");
    const WallTime t{std::chrono::seconds(784'111'777)};
    CHECK(http_date(t) == "Sun, 06 Nov 1994 08:49:37 GMT");
    CHECK(http_date(t + std::chrono::milliseconds(999)) == "Sun, 06 Nov 1994 08:49:37 GMT");
    CHECK(http_date(t + std::chrono::seconds(1)) == "Sun, 06 Nov 1994 08:49:38 GMT");
    CHECK(reason_phrase(504) == "Gateway Timeout");
    CHECK(reason_phrase(299).empty());
}

}  // namespace
}  // namespace common
