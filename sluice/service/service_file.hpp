// A Knative Service file as `sluice up` and `sluice check` understand it.
//
// A file may hold several YAML documents: Services of serving.knative.dev/v1, and a ConfigMap
// config-autoscaler; other objects are warnings. Reading never stops at the first problem: all are
// listed, in the order of their lines. Nothing may be run while one of them is an error.
//
// Defaults are Knative's. What one machine cannot do (volumes, node selection, ...) is a warning;
// what would run something else than the file says (several containers, valueFrom) is an error.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "autoscaler/annotations.hpp"
#include "autoscaler/config.hpp"
#include "common/config/knobs.hpp"
#include "sluice/service/probe.hpp"
#include "sluice/service/problem.hpp"

namespace sluice {

using Annotations = std::vector<std::pair<std::string, std::string>>;

// The message of the one warning that is an error where pods are processes.
inline constexpr std::string_view no_command_message =
    "has no command: it can only be run with --runtime docker";

struct Container {
    std::string name;
    std::string image;                                     // may be empty
    std::vector<std::string> command;                      // $(VAR) not expanded
    std::vector<std::string> args;                         // $(VAR) not expanded
    std::vector<std::pair<std::string, std::string>> env;  // $(VAR) not expanded
    std::string working_dir;
    ContainerPort port;
    ReadinessProbe readiness;
    std::uint32_t gpus = 0;  // resources.limits["nvidia.com/gpu"]
};

struct ServiceSpec {
    int line = 0;  // of the document
    std::string name;
    std::string name_space = "default";
    std::string revision;                    // "<name>-00001", or the name that the template gives
    Annotations annotations;                 // the Service's own, in file order
    Annotations template_annotations;        // the revision's
    std::int64_t container_concurrency = 0;  // 0 = unlimited
    std::int64_t timeout_seconds = 300;
    std::int64_t response_start_timeout_seconds = 0;  // 0 = off
    std::int64_t idle_timeout_seconds = 0;            // 0 = off
    std::int64_t termination_grace_seconds = 300;     // default: timeout_seconds, as Knative
    bool full_duplex = false;                         // features.knative.dev/http-full-duplex
    Container container;
    common::Knobs knobs;                  // cookie affinity included
    autoscaler::RevisionScaling scaling;  // the annotations; unset = the config's
    std::vector<std::string> ignored;     // annotations that mean nothing here
};

struct ServiceFile {
    std::vector<ServiceSpec> services;
    autoscaler::Config autoscaler;  // stock defaults where the file has no ConfigMap
    bool has_autoscaler_config = false;
    Problems problems;

    bool has_errors() const;
};

ServiceFile read_service_text(std::string_view text);
// A file that cannot be read, or is larger than 4 MiB, is one problem with line 0.
ServiceFile read_service_file(const std::string& path);

}  // namespace sluice
