// What the activator knows about a revision, whoever told it (a service file, Kubernetes).
#pragma once

#include <cstdint>
#include <string>

#include "activator/core/scheduler.hpp"
#include "common/config/knobs.hpp"

namespace activator {

struct Revision {
    RevisionId id;
    std::string name_space;
    std::string service;  // may be empty (a bare Configuration)
    std::string name;
    std::string configuration;  // may be empty (a file's revision)
    // Not empty: a mesh passes requests for this Host on to the pod that they are sent to (contract
    // activator.md 2.4).
    std::string passthrough_host;
    std::uint32_t concurrency = 1;  // containerConcurrency; 0 = unlimited
    Duration timeout = std::chrono::seconds(300);
    Duration response_start_timeout = Duration::zero();  // zero: off
    Duration idle_timeout = Duration::zero();            // zero: off
    common::Knobs knobs;
    // By how much reports to a stock autoscaler are made smaller
    // (kubernetes/core/report_shape.hpp). Empty: they are not for us to shape.
    std::optional<double> report_utilization;

    // "namespace/service", or with the revision's name where there is no service: what a session
    // belongs to.
    std::string session_scope() const {
        return name_space + "/" + (service.empty() ? name : service);
    }
};

RevisionPolicy policy_of(const Revision& revision);

}  // namespace activator
