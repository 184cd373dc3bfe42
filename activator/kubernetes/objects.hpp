// The parts of Kubernetes objects that the activator reads (contract activator.md 2.1, 2.2).
// Whatever is missing or of another type than it should be counts as not there: the API server has
// validated the objects, and a newer form of one must not stop us.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "activator/kubernetes/core/backends.hpp"

namespace activator::kubernetes {

struct ObjectName {
    std::string name_space;
    std::string name;
    friend auto operator<=>(const ObjectName&, const ObjectName&) = default;
};
std::string to_string(const ObjectName& name);

using Annotations = std::vector<std::pair<std::string, std::string>>;

struct RevisionObject {
    ObjectName name;
    std::string service;        // label serving.knative.dev/service
    std::string configuration;  // label serving.knative.dev/configuration
    Annotations annotations;
    std::int64_t concurrency = 0;  // containerConcurrency
    std::int64_t timeout_seconds = 300;
    std::int64_t response_start_seconds = 0;  // 0: off
    std::int64_t idle_seconds = 0;            // 0: off
    bool h2c = false;                         // its first port is named h2c
    // A pod may be used before Kubernetes calls it ready: no exec readiness probe and no startup
    // probe in the serving container, no startup probe in any other.
    bool early = true;
    friend bool operator==(const RevisionObject&, const RevisionObject&) = default;
};
RevisionObject read_revision(const nlohmann::json& object);

struct EndpointsObject {
    ObjectName name;
    std::string revision;  // label serving.knative.dev/revision
    // Addresses of the port that fits the protocol; h2c and http1 apart, because the protocol is
    // the revision's.
    struct Addresses {
        std::vector<Backend> ready;
        std::vector<Backend> not_ready;
    };
    Addresses http1;
    Addresses h2c;
    const Addresses& of(bool is_h2c) const { return is_h2c ? h2c : http1; }
};
EndpointsObject read_endpoints(const nlohmann::json& object);

// The private Service.
struct ServiceObject {
    ObjectName name;
    std::string revision;
    // "10.96.0.7:80"; empty: it has none (headless).
    std::string http1_address;
    std::string h2c_address;
};
ServiceObject read_service(const nlohmann::json& object);

// metadata.annotations of any object.
Annotations read_annotations(const nlohmann::json& object);
ObjectName read_name(const nlohmann::json& object);
std::string read_label(const nlohmann::json& object, const char* name);
// ConfigMap: `data` as it stands. Secret: decoded.
std::map<std::string, std::string> read_config_map(const nlohmann::json& object);
std::map<std::string, std::string> read_secret(const nlohmann::json& object);

// contract activator.md 2.2: "R-private", or shortened by a digest where that is longer than 63.
std::string private_service_name(const std::string& revision);

}  // namespace activator::kubernetes
