// The activator's metrics under their stock names (contract activator.md 6), beside our own
// (activator/status). A revision's series go with it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "activator/gateway.hpp"
#include "activator/kubernetes/autoscaler_link.hpp"
#include "activator/kubernetes/stat_reporter.hpp"
#include "common/metrics/exposition.hpp"

namespace activator::kubernetes {

class Metrics {
  public:
    // All outlive it. `pod_name`: for target_info.
    Metrics(Gateway& gateway, const StatReporter& reporter, const AutoscalerLink& link,
            std::string pod_name, std::string name_space);

    void add(const common::Exchange& client, const RequestRecord& record);
    // All of it now, ours too; its histograms are the gateway's and this object's.
    std::vector<common::MetricFamilyText> families();
    std::string text() { return common::exposition(families()); }
    // GET /metrics.
    common::awaitable<void> serve(common::Exchange& client);

  private:
    struct Key {
        RevisionId revision;
        std::string method;
        int status = 0;
        int version = 11;
        friend auto operator<=>(const Key&, const Key&) = default;
    };
    // The last dispatch of a request; goes with its pod, so pods that come and go leave nothing.
    struct ClientKey {
        Key request;
        PodId pod;
        friend auto operator<=>(const ClientKey&, const ClientKey&) = default;
    };
    struct ClientSeries {
        ClientSeries();
        common::Histogram duration;
        common::Histogram request_size;
    };
    struct Series {
        Series();
        common::Histogram duration;
        common::Histogram request_size;
        common::Histogram response_size;
    };

    static std::vector<std::pair<std::string, std::string>> request_labels(const Revision& revision,
                                                                           const Key& key);
    void forget_gone();
    void add_process(std::vector<common::MetricFamilyText>& families) const;
    void add_revisions(std::vector<common::MetricFamilyText>& families) const;
    void add_requests(std::vector<common::MetricFamilyText>& families) const;
    void add_client_requests(std::vector<common::MetricFamilyText>& families) const;

    Gateway& gateway_;
    const StatReporter& reporter_;
    const AutoscalerLink& link_;
    std::string pod_name_;
    std::string name_space_;
    std::map<Key, Series> series_;
    std::map<ClientKey, ClientSeries> client_series_;
    static constexpr std::size_t client_series_kept_min = 100;
    std::size_t client_series_kept_ = client_series_kept_min;  // after the last forget_gone()
};

}  // namespace activator::kubernetes
