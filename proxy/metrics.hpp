// What users see on the metrics port (contract queue-proxy 7): the OpenTelemetry-style families of
// today's stock, the legacy revision_* families that existing dashboards use, and our own sluice_*
// families, whose buckets reach far enough for image generation.
//
// Host names and route tags come from clients and are label values, so the number of series of a
// family is bounded; beyond that the client's part reads "_other".
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/http/exchange.hpp"
#include "common/metrics/metrics_page.hpp"
#include "common/time/loop_lag.hpp"
#include "common/trace/telemetry_metrics.hpp"
#include "proxy/cold_start.hpp"
#include "proxy/config.hpp"
#include "proxy/gate.hpp"
#include "proxy/serve_request.hpp"

namespace proxy {

class Metrics {
  public:
    // All outlive it.
    Metrics(const Config& config, Gate& gate, const ColdStart& cold_start,
            const common::LoopLag& lag);

    // Null: nothing is traced. Outlives it.
    void show_spans(const common::SpanQueue* spans) { spans_ = spans; }
    void add(const common::RequestHead& head, const RequestRecord& record);
    // All of it now; its histograms are ours.
    std::vector<common::MetricFamilyText> families();
    // Text format 0.0.4.
    std::string text() { return common::exposition(families()); }
    // Answers one request on the metrics port.
    common::awaitable<void> serve(common::Exchange& client);

  private:
    using Labels = std::vector<std::pair<std::string, std::string>>;
    // Histograms of one family, by labels.
    using Series = std::map<Labels, common::Histogram>;

    struct Totals {
        std::array<std::uint64_t, 6> classes{};  // [2] = 2xx …; [0]: nothing was sent
        std::uint64_t control = 0;
        std::uint64_t refused = 0;
        std::uint64_t aborted = 0;
        std::uint64_t left_waiting = 0;
        std::uint64_t left_running = 0;
    };

    void add_server(const common::RequestHead& head, const RequestRecord& record, int status);
    void add_invocation(const common::RequestHead& head, const RequestRecord& record, int status);
    void add_totals(const RequestRecord& record, int status);
    void append_identity(std::vector<common::MetricFamilyText>& families) const;
    void append_stock(std::vector<common::MetricFamilyText>& families) const;
    void append_depth(std::vector<common::MetricFamilyText>& families) const;
    void append_legacy(std::vector<common::MetricFamilyText>& families) const;
    void add_slots(common::MetricsPage& page);
    void add_counters(common::MetricsPage& page) const;
    void add_cold_start(common::MetricsPage& page) const;
    Labels legacy_labels(int status) const;

    const Config& config_;
    Gate& gate_;
    const ColdStart& cold_start_;
    const common::LoopLag& lag_;
    const common::SpanQueue* spans_ = nullptr;
    Series invocation_seconds_;
    Series server_seconds_;
    Series server_request_bytes_;
    Series server_response_bytes_;
    Series client_seconds_;
    Series client_request_bytes_;
    Series legacy_request_ms_;
    Series legacy_app_ms_;
    common::Histogram wait_seconds_{common::long_seconds};
    common::Histogram run_seconds_{common::long_seconds};
    std::size_t depth_ = 0;
    bool depth_seen_ = false;
    Totals totals_;
};

}  // namespace proxy
