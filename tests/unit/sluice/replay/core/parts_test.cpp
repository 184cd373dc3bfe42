// The parts of a replay that are no more than arithmetic and text.
#include <algorithm>
#include <cmath>

#include <catch2/catch.hpp>

#include "common/core/rng.hpp"
#include "sluice/replay/core/csv_line.hpp"
#include "sluice/replay/core/curve.hpp"
#include "sluice/replay/core/log_histogram.hpp"
#include "sluice/replay/core/parse_moment.hpp"
#include "sluice/replay/core/session_table.hpp"
#include "sluice/replay/core/stock_throttler.hpp"

using namespace sluice::replay;
using namespace std::chrono_literals;

TEST_CASE("histogram: quantiles are at most 0.4 % off, over ten decades", "[sluice][replay]") {
    common::Rng random(1);
    LogHistogram histogram;
    std::vector<double> values;
    for (int i = 0; i < 20'000; ++i) {
        values.push_back(random.lognormal(10, 3));
        histogram.add(common::from_seconds(values.back()));
    }
    std::sort(values.begin(), values.end());
    for (const double share : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999}) {
        const auto rank = static_cast<std::size_t>(std::ceil(share * 20'000)) - 1;
        CHECK(histogram.quantile(share) == Approx(values[rank]).epsilon(0.004));
    }
    CHECK(histogram.quantile(1) == Approx(values.back()).epsilon(0.004));
    CHECK(histogram.max() == Approx(values.back()));
    double sum = 0;
    for (const double value : values)
        sum += value;
    CHECK(histogram.mean() == Approx(sum / 20'000));
}

TEST_CASE("histogram: nothing, one value, and small ones exactly", "[sluice][replay]") {
    LogHistogram histogram;
    CHECK(histogram.mean() == 0);
    CHECK(histogram.quantile(0.5) == 0);
    histogram.add(255us);
    CHECK(histogram.quantile(0) == Approx(255e-6));
    histogram.add(-1s);
    CHECK(histogram.quantile(0.5) == 0);
    CHECK(histogram.count() == 2);
}

TEST_CASE("curve: areas stay the same however often its steps are joined", "[sluice][replay]") {
    const Instant begin{1h};
    Curve curve(begin);
    curve.level(begin, 2, 0);
    curve.level(begin + 100s, 4, 10);
    curve.started(begin + 100s, 3s);
    curve.started(begin + 5000s, 5s);
    curve.level(begin + 10'000s, 0, 0);
    CHECK(curve.steps().size() <= Curve::steps_max);
    CHECK(curve.step() == 16s);
    double pods = 0;
    double waiting = 0;
    std::uint64_t started = 0;
    for (const CurveStep& step : curve.steps()) {
        pods += step.pod_seconds;
        waiting += step.waiting_seconds;
        started += step.started;
    }
    CHECK(pods == Approx(200 + 4 * 9900));
    CHECK(waiting == Approx(10 * 9900));
    CHECK(started == 2);
}

TEST_CASE("csv: fields, quotes, and what is none", "[sluice][replay]") {
    CsvLine line;
    using Fields = std::vector<std::string_view>;
    REQUIRE(line.cut("a,,c\r\n"));
    CHECK(line.fields() == Fields{"a", "", "c"});
    REQUIRE(line.cut(R"("a,b","say ""hi""",c)"));
    CHECK(line.fields() == Fields{"a,b", "say \"hi\"", "c"});
    REQUIRE(line.cut("a,"));
    CHECK(line.fields() == Fields{"a", ""});
    REQUIRE(line.cut("\"two\nlines\",x"));
    CHECK(line.fields() == Fields{"two\nlines", "x"});
    CHECK_FALSE(line.cut(R"(a"b,c)"));
    CHECK_FALSE(line.cut(R"("a"b,c)"));
    CHECK_FALSE(line.cut(R"("a)"));
    CHECK(CsvLine::is_open("\"a"));
    CHECK_FALSE(CsvLine::is_open(R"("a""b")"));
}

TEST_CASE("moments: the ways in which logs write them", "[sluice][replay]") {
    const common::Duration moment = 1'731'689'870s;  // 2024-11-15 16:57:50 UTC
    for (const std::string_view text :
         {"2024-11-15 16:57:50", "2024-11-15T16:57:50Z", "2024-11-15T17:57:50+01:00",
          "2024-11-15 11:57:50-0500", "1731689870", "1731689870.0"}) {
        CAPTURE(text);
        CHECK(parse_moment(text) == moment);
    }
    CHECK(parse_moment("2024-11-15T16:57:50.25Z") == moment + 250ms);
    CHECK(parse_moment("1731689870.25") == moment + 250ms);
    CHECK(parse_moment("0.5") == common::Duration(500ms));
    CHECK(parse_moment("2261-12-31 23:59:60") == std::chrono::seconds(9'214'646'400));
    CHECK_FALSE(parse_moment("2262-01-01 00:00:00"));  // beyond what nanoseconds can count
    CHECK_FALSE(parse_moment("9999-12-31 00:00:00"));
    CHECK(parse_moment("1970-01-01 00:00:00") == 0s);
    CHECK_FALSE(parse_moment("1969-12-31 23:59:59"));
    CHECK_FALSE(parse_moment("1012-11-15 16:57:50"));
    for (const std::string_view text :
         {"", "x", "-1", "2024-02-30 00:00:00", "2024-11-15", "2024-11-15 25:00:00",
          "2024-11-15 16:57:50.", "2024-11-15 16:57:50 PST", "1e30", "2024-11-15 16:57"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_moment(text));
    }
}

TEST_CASE("sessions: issued, renewed in the second half, ended", "[sluice][replay]") {
    Sessions rules;
    rules.enabled = true;
    rules.timeout = 100s;
    SessionTable table(rules);
    const Instant begin{1h};
    const common::PodId a{1};
    const common::PodId b{2};
    CHECK_FALSE(table.find(1, begin));
    table.answered(1, a, begin);
    table.answered(1, a, begin + 40s);  // young: not renewed
    CHECK(table.find(1, begin + 99s) == a);
    table.answered(1, a, begin + 60s + 39s);  // renewed
    CHECK(table.find(1, begin + 198s) == a);
    CHECK_FALSE(table.find(1, begin + 199s));
    CHECK(table.size() == 0);
    table.answered(1, a, begin + 200s);
    table.answered(1, b, begin + 201s);  // another pod: at once
    CHECK(table.find(1, begin + 300s) == b);
    rules.lifetime = 150s;
    SessionTable bounded(rules);
    bounded.answered(1, a, begin);
    bounded.answered(1, a, begin + 90s);
    CHECK(bounded.find(1, begin + 149s) == a);
    CHECK_FALSE(bounded.find(1, begin + 150s));
}

TEST_CASE("stock: first available up to three, round robin above", "[sluice][replay]") {
    const Instant now{1h};
    const auto pods_of = [&](std::uint32_t concurrency) {
        StockThrottler stock(concurrency, 300s, 1);
        for (std::uint64_t pod = 1; pod <= 2; ++pod) {
            stock.add_pod(common::PodId{pod}, now);
            stock.pod_ready(common::PodId{pod}, now);
        }
        std::vector<std::uint64_t> pods;
        for (std::uint64_t id = 1; id <= 4; ++id)
            stock.arrive({common::RequestId{id}, replayed_revision, {}, 0, false}, now);
        for (const Action& action : stock.actions())
            pods.push_back(action.pod.value);
        return pods;
    };
    CHECK(pods_of(2) == std::vector<std::uint64_t>{1, 1, 2, 2});
    CHECK(pods_of(4) == std::vector<std::uint64_t>{2, 1, 2, 1});
}

TEST_CASE("stock: a pod that goes while it works takes a slot of the others", "[sluice][replay]") {
    const Instant now{1h};
    StockThrottler stock(1, 300s, 1);
    for (std::uint64_t pod = 1; pod <= 2; ++pod) {
        stock.add_pod(common::PodId{pod}, now);
        stock.pod_ready(common::PodId{pod}, now);
    }
    stock.arrive({common::RequestId{1}, replayed_revision, {}, 0, false}, now);
    stock.clear_actions();
    stock.remove_pod(common::PodId{1}, now);
    stock.arrive({common::RequestId{2}, replayed_revision, {}, 0, false}, now);
    CHECK(stock.actions().empty());
    CHECK(stock.load().waiting == 1);
    CHECK_FALSE(stock.abandon(common::RequestId{2}, now));
    stock.finish(common::RequestId{1}, now + 5s);
    REQUIRE(stock.actions().size() == 1);
    CHECK(stock.actions()[0].pod == common::PodId{2});
    stock.clear_actions();
    stock.arrive({common::RequestId{3}, replayed_revision, {}, 0, false}, now + 5s);
    CHECK(stock.next_deadline() == now + 305s);
    stock.tick(now + 305s);
    REQUIRE(stock.actions().size() == 1);
    CHECK(stock.actions()[0].kind == Action::Kind::expire);
}
