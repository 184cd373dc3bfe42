#include "sluice/top/event_reader.hpp"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

using sluice::top::EventReader;

namespace {

const std::string stream =
    "retry: 2000\n\nevent: state\ndata: {\"a\":1}\n\n: here\n\nevent: log\r\ndata:[\r\ndata: "
    "]\r\n\r\nevent: lost\n\ndata: unnamed\n\n";

std::vector<std::string> read_in_pieces(std::size_t size) {
    std::vector<std::string> events;
    EventReader reader([&](std::string_view name, std::string_view data) {
        events.push_back(std::string(name) + "=" + std::string(data));
    });
    for (std::size_t at = 0; at < stream.size(); at += size)
        REQUIRE(reader.feed(std::string_view(stream).substr(at, size)));
    return events;
}

}  // namespace

TEST_CASE("event reader: the same events however the bytes are cut", "[sluice][top]") {
    const std::vector<std::string> expected{"state={\"a\":1}", "log=[\n]", "=unnamed"};
    for (std::size_t size = 1; size <= stream.size(); ++size)
        CHECK(read_in_pieces(size) == expected);
}

TEST_CASE("event reader: an event without an end is refused", "[sluice][top]") {
    EventReader reader([](std::string_view, std::string_view) { FAIL("no event has ended"); });
    const std::string piece(std::size_t{64} << 10, 'x');
    std::size_t fed = 0;
    while (reader.feed(piece))
        fed += piece.size();
    CHECK(fed <= EventReader::event_bytes_max);
    CHECK(fed + piece.size() > EventReader::event_bytes_max);
}
