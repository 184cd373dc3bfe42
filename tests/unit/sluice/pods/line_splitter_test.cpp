#include "sluice/pods/line_splitter.hpp"

#include <vector>

#include <catch2/catch.hpp>

using Lines = std::vector<std::string>;

namespace {

// The lines of `text`, fed in pieces of `piece` bytes.
Lines split(const std::string& text, std::size_t piece) {
    Lines lines;
    const auto tell = [&lines](std::string_view line) { lines.emplace_back(line); };
    sluice::LineSplitter splitter;
    for (std::size_t at = 0; at < text.size(); at += piece)
        splitter.feed(std::string_view(text).substr(at, piece), tell);
    splitter.finish(tell);
    return lines;
}

}  // namespace

TEST_CASE("line splitter: ends are LF, CRLF and CR, however the bytes arrive", "[sluice][pods]") {
    struct Case {
        std::string text;
        Lines lines;
    };
    const std::vector<Case> cases{
        {"", {}},
        {"a", {"a"}},
        {"a\nb\n", {"a", "b"}},
        {"a\n\nb", {"a", "", "b"}},
        {"a\r\nb\r\n", {"a", "b"}},
        {"a\r\n\r\nb", {"a", "", "b"}},
        {"10%\r20%\r30%\n", {"10%", "20%", "30%"}},
        {"\r\r50%\r\r", {"50%"}},
    };
    for (const Case& each : cases)
        for (std::size_t piece = 1; piece <= 4; ++piece)
            CHECK(split(each.text, piece) == each.lines);
}

TEST_CASE("line splitter: a long line is told in pieces of 16 KiB", "[sluice][pods]") {
    const std::string full(sluice::max_log_line, 'x');
    for (const std::size_t piece : {std::size_t{1000}, sluice::max_log_line, full.size() * 4}) {
        CHECK(split(full + "\n", piece) == Lines{full});
        CHECK(split(full + "y\n", piece) == Lines{full, "y"});
        CHECK(split(full + full + "\r\nz", piece) == Lines{full, full, "z"});
    }
}
