// What every program of ours does first in a cluster.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "activator/kubernetes/api_client.hpp"
#include "activator/kubernetes/config.hpp"
#include "activator/kubernetes/config_maps.hpp"
#include "common/log/log.hpp"
#include "common/trace/trace_settings.hpp"

namespace activator::kubernetes {

inline constexpr const char* cookie_key_secret = "sluice-cookie-key";

std::uint64_t random_seed();

struct Found {
    Config config;
    ApiAccess access;
};
// Sets the log up for `program`, with the pod's name as soon as it is known. The environment's
// problems, a line each, go to stderr: then nothing is returned.
std::optional<Found> find_cluster(const std::string& program, common::LogFormat format);

// Who an activator is, for the spans that it exports.
common::TraceAttributes trace_resource(const Config& config);

// Asks the API server for its version once a second, for a minute (contract activator.md 1.1).
// Returns "" or what is wrong; also when `ended` became true. `api`, `time` and `ended` outlive it.
common::awaitable<std::string> wait_for_api(ApiClient& api, common::TimeSource& time,
                                            std::string minimum_version, const bool& ended);

// The keys of the Secret sluice-cookie-key. Empty, and said in the log, if there is none good.
std::vector<std::string> read_cookie_keys(const ConfigData& data);

}  // namespace activator::kubernetes
