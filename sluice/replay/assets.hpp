// Files that were built in.
#pragma once

#include <string_view>

namespace sluice::replay {

// Chart.js (MIT licence), from Debian's libjs-chart.js.
std::string_view chart_library();
// page.html.
std::string_view page_template();

}  // namespace sluice::replay
