#include "common/protocol/websocket.hpp"

#include <catch2/catch.hpp>

using namespace common::websocket;
using namespace std::string_literals;

TEST_CASE("websocket: the accept key of RFC 6455 1.3") {
    REQUIRE(accept_of("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST_CASE("websocket: a client's frame is masked (RFC 6455 5.7)") {
    REQUIRE(client_frame(Opcode::text, "Hello", 0x37fa213d) ==
            "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"s);
    const std::string medium = client_frame(Opcode::binary, std::string(200, 'x'), 0);
    REQUIRE(medium.substr(0, 8) == "\x82\xfe\x00\xc8\0\0\0\0"s);
    REQUIRE(medium.size() == 208);
    const std::string large = client_frame(Opcode::binary, std::string(70'000, 'x'), 0);
    REQUIRE(large.substr(0, 10) == "\x82\xff\0\0\0\0\0\x01\x11\x70"s);
}

TEST_CASE("websocket: a server's frames come out whole, however they came in") {
    const std::string bytes =
        "\x89\x02hi\x8a\x00\x01\x02"s
        "ab\x80\x01"s
        "c\x88\x02\x03\xf4"s;
    for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
        FrameReader reader(1000);
        std::vector<Frame> frames;
        for (std::size_t from = 0; from < bytes.size(); from += piece) {
            reader.feed(std::string_view(bytes).substr(from, piece));
            while (auto frame = reader.next())
                frames.push_back(std::move(*frame));
        }
        REQUIRE_FALSE(reader.failed());
        REQUIRE(frames.size() == 5);
        REQUIRE(frames[0].opcode == Opcode::ping);
        REQUIRE(frames[0].payload == "hi");
        REQUIRE(frames[1].opcode == Opcode::pong);
        REQUIRE_FALSE(frames[2].last);
        REQUIRE(frames[3].opcode == Opcode::continuation);
        REQUIRE(frames[4].payload == "\x03\xf4");
    }
}

TEST_CASE("websocket: frames that a server may not send are refused") {
    const std::string bad[] = {
        "\x81\x85\0\0\0\0hello"s,  // masked
        "\xc1\x01x"s,              // a reserved bit
        "\x83\x01x"s,              // an unknown opcode
        "\x09\x00"s,               // a control frame in parts
        "\x89\x7e\x00\x80"s,       // a long control frame
        "\x82\x7e\x04\x00"s        // longer than we allow
    };
    for (const std::string& bytes : bad) {
        FrameReader reader(1000);
        reader.feed(bytes);
        REQUIRE_FALSE(reader.next());
        REQUIRE(reader.failed());
    }
}
