#include "common/metrics/histogram.hpp"

#include <catch2/catch.hpp>

#include "common/metrics/exposition.hpp"

using common::Histogram;

namespace {

constexpr double bounds[] = {0.5, 1, 2.5};

}  // namespace

TEST_CASE("histogram: row 97, a value on a bound is inside its bucket", "[common]") {
    Histogram histogram(bounds);
    histogram.observe(1.0);
    CHECK(histogram.counts()[0] == 0);
    CHECK(histogram.counts()[1] == 1);
    histogram.observe(1.0000001);
    CHECK(histogram.counts()[2] == 1);
    histogram.observe(100);
    CHECK(histogram.counts()[3] == 1);
    CHECK(histogram.count() == 3);
    CHECK(histogram.sum() == Approx(102.0000001));
}

TEST_CASE("exposition: buckets are cumulative and end with +Inf", "[common]") {
    Histogram histogram(bounds);
    histogram.observe(0.1);
    histogram.observe(2);
    histogram.observe(9);
    common::MetricSample sample;
    sample.labels = {{"a", "b"}};
    sample.histogram = &histogram;
    const std::string text =
        common::exposition({{"h_seconds", "What it is", common::MetricType::histogram, {sample}}});
    CHECK(text.find("# TYPE h_seconds histogram\n") != std::string::npos);
    CHECK(text.find("h_seconds_bucket{a=\"b\",le=\"0.5\"} 1\n") != std::string::npos);
    CHECK(text.find("h_seconds_bucket{a=\"b\",le=\"1\"} 1\n") != std::string::npos);
    CHECK(text.find("h_seconds_bucket{a=\"b\",le=\"2.5\"} 2\n") != std::string::npos);
    CHECK(text.find("h_seconds_bucket{a=\"b\",le=\"+Inf\"} 3\n") != std::string::npos);
    CHECK(text.find("h_seconds_count{a=\"b\"} 3\n") != std::string::npos);
}
