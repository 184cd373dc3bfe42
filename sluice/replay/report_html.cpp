// The page: page.html with the library and the figures put in.
#include <cmath>

#include <nlohmann/json.hpp>

#include "common/core/check.hpp"
#include "sluice/replay/assets.hpp"
#include "sluice/replay/report.hpp"

namespace sluice::replay {
namespace {

using nlohmann::ordered_json;

// Three digits behind the point; curves need no more.
double short_number(double value) {
    return std::round(value * 1e3) / 1e3;
}

ordered_json curve_json(const Curve& curve) {
    ordered_json json;
    json["step_s"] = common::to_seconds(curve.step());
    ordered_json pods = ordered_json::array();
    ordered_json waiting = ordered_json::array();
    ordered_json wait = ordered_json::array();
    const std::vector<CurveStep>& steps = curve.steps();
    for (std::size_t i = 0; i < steps.size(); ++i) {
        const CurveStep& step = steps[i];
        const bool last = i + 1 == steps.size();
        const double length = common::to_seconds(last ? curve.last_step() : curve.step());
        pods.push_back(short_number(step.pod_seconds / length));
        waiting.push_back(short_number(step.waiting_seconds / length));
        if (step.started == 0) {
            wait.push_back(nullptr);
        } else {
            wait.push_back(short_number(step.wait_seconds / static_cast<double>(step.started)));
        }
    }
    json["pods"] = std::move(pods);
    json["waiting"] = std::move(waiting);
    json["wait_s"] = std::move(wait);
    return json;
}

ordered_json quantiles(const LogHistogram& histogram) {
    constexpr int percents = 100;
    ordered_json values = ordered_json::array();
    for (int i = 0; i <= percents; ++i)
        values.push_back(short_number(histogram.quantile(static_cast<double>(i) / percents)));
    return values;
}

// A text that stands in <script>: nothing in it may end the element.
std::string for_script(std::string text) {
    for (std::size_t at = text.find("</"); at != std::string::npos; at = text.find("</", at))
        text.replace(at, 2, "<\\/");
    return text;
}

void put(std::string& page, std::string_view mark, std::string_view text) {
    const std::size_t at = page.find(mark);
    CHECK(at != std::string::npos);
    page.replace(at, mark.size(), text);
}

}  // namespace

std::string to_html(const Source& source, std::span<const Run> runs) {
    ordered_json json = ordered_json::parse(to_json(source, runs));
    for (std::size_t i = 0; i < runs.size(); ++i) {
        json["variants"][i]["curve"] = curve_json(runs[i].figures.curve);
        json["variants"][i]["quantiles_total_s"] = quantiles(runs[i].figures.total);
    }
    std::string page(page_template());
    // The library last, so that nothing in it is taken for the other mark.
    put(page, "@DATA@", for_script(json.dump()));
    put(page, "@CHART@", for_script(std::string(chart_library())));
    return page;
}

}  // namespace sluice::replay
