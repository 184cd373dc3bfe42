// What every program of ours does first in a cluster.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "activator/client_limits.hpp"
#include "activator/kubernetes/api_client.hpp"
#include "activator/kubernetes/config.hpp"
#include "activator/kubernetes/config_maps.hpp"
#include "activator/log_flags.hpp"
#include "common/net/address.hpp"
#include "common/trace/trace_settings.hpp"

namespace activator::kubernetes {

inline constexpr const char* cookie_key_secret = "sluice-cookie-key";

// What the activators of a cluster are told on the command line.
struct ClusterOptions {
    std::optional<common::Address> admin;  // status and metrics; not set: none
    std::string admin_token_file;          // see admin_door.hpp
    ClientLimits client_limits;
    LogOptions log;
    common::Duration drain_delay = std::chrono::seconds(45);
};

struct Found {
    Config config;
    ApiAccess access;
};
// Sets the log up for `program`, with the pod's name as soon as it is known. The environment's
// problems, a line each, go to stderr: then nothing is returned.
std::optional<Found> find_cluster(const std::string& program, common::LogFormat format);

// Who an activator is, for the spans that it exports.
common::OtlpAttributes telemetry_resource(const Config& config);

// Asks the API server for its version once a second, for a minute (contract activator.md 1.1).
// Returns "" or what is wrong; also when `ended` became true. `api`, `time` and `ended` outlive it.
common::awaitable<std::string> wait_for_api(ApiClient& api, common::TimeSource& time,
                                            std::string minimum_version, const bool& ended);

// The keys of the Secret sluice-cookie-key. Empty, and said in the log, if there is none good.
std::vector<std::string> read_cookie_keys(const ConfigData& data);

}  // namespace activator::kubernetes
