// Spans wait for their export within a bound, and a collector that fails is left alone for a while.
#include "common/core/span_queue.hpp"

#include <chrono>
#include <string>

#include <catch2/catch.hpp>

namespace common {
namespace {

using namespace std::chrono_literals;

constexpr Instant start{1000s};

SpanQueueLimits limits() {
    SpanQueueLimits limits;
    limits.spans_max = 10;
    limits.batch_max = 4;
    limits.delay = 5s;
    limits.pauses.first = 1s;
    limits.pauses.longest = 8s;
    limits.tries_max = 3;
    return limits;
}

void add(SpanQueue& queue, int count, Instant now) {
    for (int i = 0; i < count; ++i)
        queue.add(std::to_string(i), now);
}

TEST_CASE("span queue: a batch goes when it is full, or after the delay", "[common][trace]") {
    SpanQueue queue(limits(), 1);
    CHECK(queue.next_export() == Instant::max());
    add(queue, 3, start);
    add(queue, 0, start + 1s);
    CHECK(queue.next_export() == start + 5s);
    add(queue, 2, start + 2s);
    CHECK(queue.next_export() <= start + 2s);
    CHECK(queue.take() == std::vector<std::string>{"0", "1", "2", "0"});
    CHECK(queue.next_export() == Instant::max());  // one at a time
    queue.sent(start + 3s);
    CHECK(queue.exported() == 4);
    CHECK(queue.next_export() == start + 7s);  // the fifth came at 2 s
    CHECK(queue.size() == 1);
}

TEST_CASE("span queue: what comes when it is full is dropped and counted", "[common][trace]") {
    SpanQueue queue(limits(), 1);
    add(queue, 8, start);
    queue.take();
    add(queue, 5, start);  // those under way have their places still
    CHECK(queue.size() == 10);
    CHECK(queue.dropped_full() == 3);
    queue.sent(start);
    add(queue, 5, start);
    CHECK(queue.size() == 10);
    CHECK(queue.dropped_full() == 4);
}

TEST_CASE("span queue: failures are tried again after pauses that grow, then dropped",
          "[common][trace]") {
    SpanQueue queue(limits(), 1);
    add(queue, 9, start);
    Instant now = start;
    const Duration pauses[] = {1s, 2s, 4s, 8s, 8s};
    std::size_t round = 0;
    for (const Duration pause : pauses) {
        const std::vector<std::string> batch = queue.take();
        CHECK(batch == std::vector<std::string>{round < 3 ? "0" : "4", round < 3 ? "1" : "5",
                                                round < 3 ? "2" : "6", round < 3 ? "3" : "7"});
        queue.failed(true, {}, now);
        CHECK(queue.next_export() >= now + pause / 2);
        CHECK(queue.next_export() <= now + pause);
        now = queue.next_export();
        ++round;
    }
    CHECK(queue.dropped_failed() == 4);
    CHECK(queue.size() == 5);
    CHECK(queue.take().size() == 4);
    queue.sent(now);
    CHECK(queue.exported() == 4);
    CHECK(queue.take() == std::vector<std::string>{"8"});
    queue.failed(true, {}, now);
    CHECK(queue.next_export() <= now + 1s);  // it worked in between: short again
}

TEST_CASE("span queue: the collector's own pause counts, within bounds", "[common][trace]") {
    for (const auto& [said, least, most] :
         {std::tuple{Duration(6s), 6s, 6s}, std::tuple{Duration(0s), 0s, 1s},
          std::tuple{Duration(1h), 8s, 8s}}) {
        SpanQueue queue(limits(), 1);
        add(queue, 1, start);
        queue.take();
        queue.failed(true, said, start);
        CHECK(queue.next_export() >= start + least);
        CHECK(queue.next_export() <= start + most);
        CHECK(queue.size() == 1);
    }
}

TEST_CASE("span queue: what the collector refuses is not sent again", "[common][trace]") {
    SpanQueue queue(limits(), 1);
    add(queue, 5, start);
    queue.take();
    queue.failed(false, {}, start);
    CHECK(queue.dropped_failed() == 4);
    CHECK(queue.size() == 1);
    queue.give_up();
    CHECK(queue.dropped_failed() == 5);
    CHECK(queue.next_export() == Instant::max());
}

}  // namespace
}  // namespace common
