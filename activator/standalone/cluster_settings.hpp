// What the cluster's owner may set for webhook and activators alike: the ConfigMap
// `config-autoscaler` in our namespace, with Knative's keys. Without it Knative's defaults stand.
#pragma once

#include <string>

#include "activator/kubernetes/api_client.hpp"
#include "activator/kubernetes/config_maps.hpp"
#include "autoscaler/config.hpp"

namespace activator::standalone {

// Of Lease, AdmissionReview and scale as we use them, the youngest is as old as this.
inline constexpr const char* kubernetes_min = "v1.23.0";
inline constexpr const char* autoscaler_map = "config-autoscaler";

// Returns "" or what is wrong; then `config` stays.
std::string take_autoscaler_config(const kubernetes::ConfigData& data, autoscaler::Config& config);

// Reads the ConfigMap once; `api` and `config` outlive it. Returns "" or what is wrong.
common::awaitable<std::string> read_autoscaler_config(kubernetes::ApiClient& api,
                                                      std::string name_space,
                                                      autoscaler::Config& config);

}  // namespace activator::standalone
