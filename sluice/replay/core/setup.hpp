// One variant of a replay: everything that decides how a trace would have gone.
#pragma once

#include <cstdint>
#include <optional>

#include "activator/core/scheduler.hpp"
#include "autoscaler/scaling_policy.hpp"

namespace sluice::replay {

using common::Duration;

enum class Engine : std::uint8_t {
    scheduler,  // activator::Scheduler and autoscaler::RevisionScaler, as `sluice up` drives them
    stock,      // stock Knative's throttler and autoscaler
    ideal       // one line in order of arrival before pods that are always ready and load nothing
};

// What becomes of a running request whose client leaves (sluice.dev/on-disconnect).
enum class Departure : std::uint8_t {
    hold,  // the slot stays taken until it is done
    stop,  // the application stops at once
    free   // the slot is free at once, and the application works on
};

struct Sessions {
    bool enabled = false;
    Duration timeout = std::chrono::seconds(1800);
    std::optional<Duration> lifetime;
};

struct Setup {
    Engine engine = Engine::scheduler;
    activator::RevisionPolicy scheduling;
    autoscaler::ScalingPolicy scaling;
    // Pods that are there all the time, ready from the beginning; unset: as the autoscaler says.
    std::optional<std::uint32_t> fixed_pods;
    Sessions sessions;
    bool models_known = false;  // the scheduler is told which model a request wants
    Departure departure = Departure::hold;
    Duration timeout = std::chrono::seconds(300);   // of a request that runs
    Duration pod_start = std::chrono::seconds(30);  // until it is ready
    Duration model_load{};                          // for a request whose pod holds another model
    std::uint32_t gpus_per_pod = 1;
    double speed = 1;  // of the arrivals
    std::uint64_t seed = 1;
};

}  // namespace sluice::replay
