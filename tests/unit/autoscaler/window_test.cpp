// The window against a slow reference that keeps every write, over random sequences; and the
// properties that users of averages rely on. Exact values are in tests/data/kpa-vectors.json.
#include "autoscaler/window.hpp"

#include <chrono>
#include <cmath>
#include <map>
#include <random>

#include <catch2/catch.hpp>

using autoscaler::Aggregation;
using autoscaler::Window;
using common::Duration;
using common::Instant;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

Instant at(double offset) {
    return Instant(seconds(1'700'000'000)) + common::from_seconds(offset);
}

std::int64_t second_of(Instant now) {
    return std::chrono::floor<seconds>(now.time_since_epoch()).count();
}

// Contract kpa.md 3.4 and 3.5 word for word, with a map instead of a ring.
class Reference {
  public:
    explicit Reference(Duration length)
        : length_(length), count_((length + seconds(1) - Duration(1)) / seconds(1)) {}

    void record(Instant now, double value) {
        const std::int64_t b = second_of(now);
        if (written_ && seconds(b) + length_ <= seconds(last_)) return;
        if (!written_ || seconds(b - last_) >= length_) {
            values_.clear();
            first_ = last_ = b;
            written_ = true;
        }
        last_ = std::max(last_, b);
        first_ = std::min(first_, b);
        values_[b] += value;
    }

    double linear(Instant now) const {
        if (!written_) return 0;
        const std::int64_t d = second_of(now) - last_;
        if (d > 0 && seconds(d) >= length_) return 0;
        double total = 0;
        const std::int64_t oldest = last_ + std::max<std::int64_t>(d, 0) - count_ + 1;
        for (const auto& [second, value] : values_)
            total += second >= oldest ? value : 0;
        const std::int64_t covered =
            std::min(last_ - first_ + 1, count_ - std::max<std::int64_t>(d, 0));
        return total / static_cast<double>(covered);
    }

    double weighted(Instant now) const {
        if (!written_ || seconds(second_of(now) - last_) > length_) return 0;
        const std::int64_t d = std::max<std::int64_t>(second_of(now) - last_, 0);
        const double c = std::max(1 - std::pow(0.0001, 1.0 / static_cast<double>(count_)), 0.2);
        double average = 0;
        for (std::int64_t i = 0; i < count_ - d; ++i) {
            const auto found = values_.find(last_ - i);
            if (found == values_.end()) continue;
            average += found->second * c * std::pow(1 - c, static_cast<double>(i + d));
        }
        return average;
    }

  private:
    Duration length_;
    std::int64_t count_;
    std::map<std::int64_t, double> values_;
    std::int64_t first_ = 0;
    std::int64_t last_ = 0;
    bool written_ = false;
};

}  // namespace

TEST_CASE("window: random sequences agree with a reference that keeps every write",
          "[autoscaler]") {
    std::mt19937_64 random(GENERATE(range<unsigned>(1, 21)));
    const auto length = milliseconds(500 * std::uniform_int_distribution(2, 40)(random));
    Window linear(length, Aggregation::linear);
    Window weighted(length, Aggregation::weighted_exponential);
    Reference reference(length);
    double now = 0;
    for (int step = 0; step < 2000; ++step) {
        // Mostly forward, sometimes late, sometimes after a long silence.
        now += std::uniform_real_distribution(0.0, 1.5)(random);
        if (step % 97 == 0) now += std::uniform_real_distribution(0.0, 45.0)(random);
        const double late = step % 5 == 0 ? std::uniform_real_distribution(0.0, 25.0)(random) : 0;
        const double value = std::uniform_int_distribution(0, 40)(random) / 8.0;
        linear.record(at(now - late), value);
        weighted.record(at(now - late), value);
        reference.record(at(now - late), value);
        const Instant asked = at(now + std::uniform_real_distribution(-2.0, 25.0)(random));
        INFO("step " << step << ", window " << length.count() << " ms");
        REQUIRE(linear.average(asked) == Approx(reference.linear(asked)).margin(1.1e-6));
        REQUIRE(weighted.average(asked) == Approx(reference.weighted(asked)).margin(1e-9));
    }
}

TEST_CASE("window: an average lies between the smallest and the greatest second", "[autoscaler]") {
    std::mt19937_64 random(7);
    Window window(seconds(12), Aggregation::linear);
    for (int second = 0; second < 500; ++second) {
        window.record(at(second), std::uniform_real_distribution(2.0, 5.0)(random));
        const double average = window.average(at(second));
        REQUIRE(average >= 2);
        REQUIRE(average <= 5);
    }
}

TEST_CASE("window: after the last write the linear average holds until the window has passed",
          "[autoscaler]") {
    Window window(seconds(60), Aggregation::linear);
    for (int second = 0; second < 100; ++second)
        window.record(at(second), 3);
    CHECK(window.average(at(158)) == 3);
    CHECK(window.average(at(159)) == 0);
    CHECK_FALSE(window.empty(at(159)));
    CHECK(window.empty(at(160)));
}

TEST_CASE("window: nothing written is no data", "[autoscaler]") {
    const Window window(seconds(6), Aggregation::weighted_exponential);
    CHECK(window.empty(at(0)));
    CHECK(window.average(at(0)) == 0);
}

TEST_CASE("window: shrinking keeps the newest seconds", "[autoscaler]") {
    Window window(seconds(10), Aggregation::linear);
    for (int second = 1; second <= 10; ++second)
        window.record(at(second), second);
    window.resize(seconds(6), at(10));
    CHECK(window.average(at(10)) == 7.5);  // (5+6+7+8+9+10) / 6
}

TEST_CASE("window: growing counts the former window as written throughout", "[autoscaler]") {
    Window window(seconds(6), Aggregation::linear);
    window.record(at(100), 6);
    CHECK(window.average(at(100)) == 6);
    window.resize(seconds(60), at(100));
    CHECK(window.average(at(100)) == 1);  // 6 over the 6 seconds of the former window
}

TEST_CASE("window: a resize after long silence turns no data into a valid zero", "[autoscaler]") {
    Window window(seconds(6), Aggregation::linear);
    window.record(at(0), 5);
    CHECK(window.empty(at(20)));
    window.resize(seconds(60), at(20));
    CHECK_FALSE(window.empty(at(20)));
    CHECK(window.average(at(20)) == 0);
    window.record(at(30), 4);  // the first write of a new run
    CHECK(window.average(at(30)) == 4);
}

TEST_CASE("window: a resize recomputes the exponential weight", "[autoscaler]") {
    Window window(seconds(60), Aggregation::weighted_exponential);
    window.record(at(0), 1);
    CHECK(window.average(at(0)) == Approx(0.2));
    window.resize(seconds(6), at(0));
    CHECK(window.average(at(0)) == Approx(0.784557).epsilon(1e-6));
}

TEST_CASE("window: the panic window is a rounded share of the stable one, at least a second",
          "[autoscaler]") {
    CHECK(autoscaler::panic_window(seconds(60), 10) == seconds(6));
    CHECK(autoscaler::panic_window(seconds(65), 10) == seconds(7));
    CHECK(autoscaler::panic_window(seconds(64), 10) == seconds(6));
    CHECK(autoscaler::panic_window(seconds(6), 1) == seconds(1));
    CHECK(autoscaler::panic_window(seconds(3600), 100) == seconds(3600));
}
