// One scrape of our own family: its owner names a metric and gives values; type and help come from
// the catalogue, and the order is the catalogue's.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/metrics/catalogue.hpp"

namespace common {

class MetricsPage {
  public:
    using Labels = std::vector<std::pair<std::string, std::string>>;

    explicit MetricsPage(MetricsOf program);

    // REQUIRES: the catalogue lists the metric for this program, and its type fits.
    void add(std::string_view name, Labels labels, double value);
    // The histogram outlives families().
    void add(std::string_view name, Labels labels, const Histogram& histogram);

    // Those that have a sample.
    std::vector<MetricFamilyText> families() const;

  private:
    MetricFamilyText& family(std::string_view name, bool is_histogram);

    MetricsOf program_;
    std::vector<MetricFamilyText> all_;  // as the catalogue
};

}  // namespace common
