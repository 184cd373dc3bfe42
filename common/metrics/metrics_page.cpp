#include "common/metrics/metrics_page.hpp"

#include <algorithm>
#include <iterator>

#include "common/core/check.hpp"

namespace common {

MetricsPage::MetricsPage(MetricsOf program) : program_(program) {
    for (const MetricInfo& info : metric_catalogue())
        all_.push_back({std::string(info.name),
                        std::string(info.help),
                        info.type,
                        {},
                        otel_instrument(info.name)});
}

MetricFamilyText& MetricsPage::family(std::string_view name, bool is_histogram) {
    const MetricInfo* info = find_metric(name);
    CHECK(info != nullptr);
    CHECK((info->programs & program_) != 0);
    CHECK((info->type == MetricType::histogram) == is_histogram);
    return all_[static_cast<std::size_t>(info - metric_catalogue().data())];
}

void MetricsPage::add(std::string_view name, Labels labels, double value) {
    family(name, false).samples.push_back({std::move(labels), value, nullptr});
}

void MetricsPage::add(std::string_view name, Labels labels, const Histogram& histogram) {
    family(name, true).samples.push_back({std::move(labels), 0, &histogram});
}

std::vector<MetricFamilyText> MetricsPage::families() const {
    std::vector<MetricFamilyText> shown;
    std::copy_if(all_.begin(), all_.end(), std::back_inserter(shown),
                 [](const MetricFamilyText& family) { return !family.samples.empty(); });
    return shown;
}

}  // namespace common
