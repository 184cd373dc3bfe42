#include "common/http/gzip.hpp"

#include <zlib.h>

#include <catch2/catch.hpp>

namespace common {
namespace {

std::string unpacked(const std::string& packed, std::size_t size) {
    std::string text(size + 1, '\0');
    std::string input = packed;
    z_stream stream{};
    REQUIRE(inflateInit2(&stream, 15 + 16) == Z_OK);
    stream.next_in = reinterpret_cast<Bytef*>(input.data());
    stream.avail_in = static_cast<uInt>(input.size());
    stream.next_out = reinterpret_cast<Bytef*>(text.data());
    stream.avail_out = static_cast<uInt>(text.size());
    const int end = inflate(&stream, Z_FINISH);
    text.resize(stream.total_out);
    inflateEnd(&stream);
    CHECK(end == Z_STREAM_END);
    return text;
}

bool accepts(std::string_view value) {
    Fields fields;
    fields.add("Accept-Encoding", value);
    return accepts_gzip(fields);
}

TEST_CASE("gzip: what is packed comes out again", "[common]") {
    std::string series;
    for (int i = 0; i < 2000; ++i)
        series += "sluice_run_seconds_bucket{le=\"" + std::to_string(i) + "\"} 7\n";
    for (const std::string& text : {std::string(), std::string("x"), series}) {
        const std::string packed = gzip(text);
        CHECK(unpacked(packed, text.size()) == text);
    }
    CHECK(gzip(series).size() * 5 < series.size());
}

TEST_CASE("gzip: who asks for it", "[common]") {
    CHECK(accepts("gzip"));
    CHECK(accepts("GZIP"));
    CHECK(accepts("deflate, gzip;q=0.5"));
    CHECK(accepts("*"));
    CHECK(accepts("br;q=1.0 , * ; q=0.1"));
    CHECK_FALSE(accepts("gzip;q=0"));
    CHECK_FALSE(accepts("gzip; q=0.000, *"));
    CHECK_FALSE(accepts("*;q=0"));
    CHECK_FALSE(accepts("identity"));
    CHECK_FALSE(accepts("xgzip, gzipx"));
    CHECK_FALSE(accepts(""));
    CHECK_FALSE(accepts_gzip(Fields{}));
}

}  // namespace
}  // namespace common
