// The webhook's answer to the API server: AdmissionReview (admission.k8s.io/v1) in, AdmissionReview
// with a JSON patch out. Pure.
//
// Pods get a queue-proxy (inject.hpp). Deployments are told at once what their pods would be
// refused for; and `replicas` is kept out of their owners' hands: a new Deployment begins with its
// initial-scale, and an update that says otherwise keeps the count that the autoscaler set
// (`kubectl apply` of a file with `replicas: 1` must not end fifty pods at work). The subresource
// `scale` does not come by here.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "autoscaler/config.hpp"

namespace activator::standalone {

struct AdmissionSettings {
    std::string image;  // the queue-proxy's
    autoscaler::Config autoscaler;
};

struct AdmissionAnswer {
    std::string body;    // JSON
    std::string object;  // "Pod default/sd-…": for the log
    std::string denied;  // why; empty: let in
};

// Empty if `review` is no AdmissionReview, or one of an object that the API server would not let in
// (a field of another type than it has).
std::optional<AdmissionAnswer> review_admission(std::string_view review,
                                                const AdmissionSettings& settings);

}  // namespace activator::standalone
