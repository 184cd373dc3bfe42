#include "common/metrics/catalogue.hpp"

#include <fstream>
#include <iterator>
#include <set>

#include <catch2/catch.hpp>

#include "common/metrics/metrics_page.hpp"
#include "tests/support/metrics_text.hpp"

namespace common {

TEST_CASE("readme: the table of metrics is the code's", "[common][metrics]") {
    std::ifstream stream(SLUICE_SOURCE_DIR "/README.md", std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    const std::string open = "<!-- metrics -->\n";
    const auto begin = text.find(open);
    const auto end = text.find("<!-- /metrics -->");
    INFO("README.md needs a line '<!-- metrics -->', the table, and a line '<!-- /metrics -->'");
    REQUIRE(begin != std::string::npos);
    REQUIRE(end != std::string::npos);
    const auto from = begin + open.size();
    REQUIRE(from <= end);
    INFO("put the expected text between the markers");
    CHECK(text.substr(from, end - from) == metrics_markdown_table());
}

TEST_CASE("metrics: names follow Prometheus's rules and stand once", "[common][metrics]") {
    std::set<std::string_view> names;
    for (const MetricInfo& info : metric_catalogue()) {
        INFO(info.name);
        CHECK(names.insert(info.name).second);
        CHECK(info.name.starts_with("sluice_"));
        CHECK(info.name.ends_with("_total") == (info.type == MetricType::counter));
        if (info.type == MetricType::histogram) CHECK(info.name.ends_with("_seconds"));
        CHECK(info.programs != 0);
        CHECK_FALSE(info.help.ends_with("."));
        CHECK(info.help.find('|') == std::string_view::npos);
        CHECK(find_metric(info.name) == &info);
    }
    CHECK(find_metric("sluice_nothing") == nullptr);
}

TEST_CASE("metrics page: the catalogue's order, and only what has samples", "[common][metrics]") {
    MetricsPage page(of_queue_proxy);
    page.add("sluice_aborted_total", {}, 1);
    page.add("sluice_slots", {{"state", "held"}}, 2);
    page.add("sluice_slots", {{"state", "free"}}, 3);
    page.add("sluice_queue_length", {}, 4);
    const std::string text = exposition(page.families());
    CHECK(text.find("sluice_queue_length 4") < text.find("sluice_aborted_total 1"));
    CHECK(text.find("sluice_slots{state=\"free\"} 3") != std::string::npos);
    CHECK(text.find("sluice_wait_seconds") == std::string::npos);
    const std::string differing = differences(text, of_queue_proxy, {});
    CHECK(differing.find("sluice_wait_seconds is missing\n") != std::string::npos);
    CHECK(differing.find("sluice_slots") == std::string::npos);
    CHECK(differences("# TYPE sluice_slots gauge\nsluice_slots{state=\"odd\"} 1\n", of_queue_proxy,
                      {})
              .find("sluice_slots: state=odd is not listed\n") != std::string::npos);
}

}  // namespace common
