// traceparent as the W3C's Trace Context defines it, and OpenTelemetry's samplers.
#include "common/core/trace_context.hpp"

#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "common/core/rng.hpp"
#include "common/core/trace_sampler.hpp"

namespace common {
namespace {

const std::string good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST_CASE("traceparent: what is valid is read and written back", "[common][trace]") {
    const auto context = parse_traceparent(good);
    REQUIRE(context);
    CHECK(context->trace.high == 0x0af7651916cd43dd);
    CHECK(context->trace.low == 0x8448eb211c80319c);
    CHECK(context->span == 0xb7ad6b7169203331);
    CHECK(context->sampled);
    CHECK_FALSE(context->random);
    CHECK(format_traceparent(*context) == good);
    const std::vector<std::pair<std::string, std::string>> flags = {
        {"00", "00"}, {"01", "01"}, {"02", "02"}, {"03", "03"}, {"ff", "03"}, {"fc", "00"}};
    for (const auto& [in, out] : flags) {
        CAPTURE(in);
        const auto read = parse_traceparent(good.substr(0, 53) + in);
        REQUIRE(read);
        CHECK(format_traceparent(*read) == good.substr(0, 53) + out);
    }
}

TEST_CASE("traceparent: a later version is read as far as version 00 goes", "[common][trace]") {
    for (const std::string rest : {"", "-", "-what-comes-later"}) {
        const auto context = parse_traceparent("cc" + good.substr(2) + rest);
        REQUIRE(context);
        CHECK(format_traceparent(*context) == good);
    }
    CHECK_FALSE(parse_traceparent("cc" + good.substr(2) + "x"));
    CHECK_FALSE(parse_traceparent("ff" + good.substr(2)));
}

TEST_CASE("traceparent: what is invalid is none", "[common][trace]") {
    std::vector<std::string> bad = {"",
                                    "00",
                                    good + "-",
                                    good + "-00",
                                    " " + good,
                                    good + " ",
                                    good.substr(1),
                                    "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                                    "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"};
    // Every place with a character that does not belong there.
    for (std::size_t i = 0; i < good.size(); ++i) {
        for (const char c : {'A', 'g', ' ', '\0', '\xff', '_'}) {
            bad.push_back(good);
            bad.back()[i] = c;
        }
    }
    for (std::size_t length = 0; length < good.size(); ++length)
        bad.push_back(good.substr(0, length));
    for (const std::string& text : bad) {
        CAPTURE(text);
        CHECK_FALSE(parse_traceparent(text));
    }
    // One half of a trace id may be zeros.
    CHECK(parse_traceparent("00-0000000000000000a448eb211c80319c-b7ad6b7169203331-01"));
}

TEST_CASE("trace sampler: a parent decides, or the ratio of the trace id", "[common][trace]") {
    const TraceContext recorded{{1, 1}, 1, true, false};
    const TraceContext unrecorded{{1, 1}, 1, false, false};
    const TraceId any{0, ~std::uint64_t{0}};
    struct Row {
        TraceSampler sampler;
        bool root, with_recorded, with_unrecorded, off;
    };
    const std::vector<Row> table = {
        {{1, false}, true, true, true, false},     {{0, false}, false, false, false, true},
        {{1, true}, true, true, false, false},     {{0, true}, false, true, false, false},
        {{.5, false}, false, false, false, false}, {{.5, true}, false, true, false, false}};
    for (const Row& row : table) {
        CAPTURE(row.sampler.ratio, row.sampler.parent_based);
        CHECK(row.sampler.samples(any, nullptr) == row.root);
        CHECK(row.sampler.samples(any, &recorded) == row.with_recorded);
        CHECK(row.sampler.samples(any, &unrecorded) == row.with_unrecorded);
        CHECK(row.sampler.is_off() == row.off);
    }
}

TEST_CASE("trace sampler: a ratio is met, and chooses the same traces everywhere",
          "[common][trace]") {
    Rng rng(7);
    const TraceSampler tenth{.1, true};
    const TraceSampler fifth{.2, false};
    int chosen = 0;
    for (int i = 0; i < 100'000; ++i) {
        const TraceId id{rng.next(), rng.next()};
        const bool in_tenth = tenth.samples(id, nullptr);
        chosen += in_tenth ? 1 : 0;
        if (in_tenth) REQUIRE(fifth.samples(id, nullptr));
    }
    CHECK(chosen > 9'600);
    CHECK(chosen < 10'400);
    // As the Go SDK: the lower half of the id, without its last bit, below ratio * 2^63.
    CHECK(tenth.samples({0, 0x0ccccccccccccccc << 1}, nullptr));
    CHECK_FALSE(tenth.samples({0, std::uint64_t{0x0cccccccccccd000} << 1}, nullptr));
}

}  // namespace
}  // namespace common
