#include "activator/kubernetes/objects.hpp"

#include <optional>

#include <nlohmann/json.hpp>

#include "activator/kubernetes/json_fields.hpp"
#include "common/crypto/digests.hpp"
#include "common/net/address.hpp"

namespace activator::kubernetes {
namespace {

using nlohmann::json;

// The only container, or the first one with ports.
const json* serving_container(const json& containers) {
    if (containers.size() == 1) return &containers.front();
    for (const json& container : containers) {
        if (!list(container, {"ports"}).empty()) return &container;
    }
    return nullptr;
}

void read_containers(const json& containers, RevisionObject& revision) {
    const json* const serving = serving_container(containers);
    for (const json& container : containers) {
        if (at(container, {"startupProbe"}) != nullptr) revision.early = false;
    }
    if (serving == nullptr) return;
    if (at(*serving, {"readinessProbe", "exec"}) != nullptr) revision.early = false;
    const json& ports = list(*serving, {"ports"});
    revision.h2c = !ports.empty() && text(ports.front(), {"name"}) == "h2c";
}

// "10.0.0.1:8012"; empty if `ip` is no IP address.
std::string address_of(const std::string& ip, std::uint16_t port) {
    std::string address = common::to_string(common::Address{ip, port, {}});
    return common::parse_address(address) ? address : std::string();
}

std::vector<Backend> backends(const json& addresses, std::uint16_t port) {
    std::vector<Backend> found;
    for (const json& entry : addresses) {
        const std::string ip = text(entry, {"ip"});
        if (ip.empty()) continue;
        Backend backend;
        backend.address = address_of(ip, port);
        if (backend.address.empty()) continue;
        backend.pod = text(entry, {"targetRef", "name"});
        if (backend.pod.empty()) backend.pod = backend.address;
        found.push_back(std::move(backend));
    }
    return found;
}

void append(std::vector<Backend>& all, std::vector<Backend> more) {
    all.insert(all.end(), more.begin(), more.end());
}

// The number of the port of that name.
std::optional<std::uint16_t> port_of(const json& ports, std::string_view name) {
    for (const json& port : ports) {
        const std::int64_t number = integer(port, {"port"}, 0);
        if (text(port, {"name"}) == name && number > 0 && number < 65536)
            return static_cast<std::uint16_t>(number);
    }
    return std::nullopt;
}

void read_subset(const json& subset, std::string_view port_name,
                 EndpointsObject::Addresses& addresses) {
    const auto port = port_of(list(subset, {"ports"}), port_name);
    if (!port) return;
    append(addresses.ready, backends(list(subset, {"addresses"}), *port));
    append(addresses.not_ready, backends(list(subset, {"notReadyAddresses"}), *port));
}

}  // namespace

std::string to_string(const ObjectName& name) {
    return name.name_space + "/" + name.name;
}

std::string read_label(const json& object, const char* name) {
    return text(object, {"metadata", "labels", name});
}

ObjectName read_name(const json& object) {
    return {text(object, {"metadata", "namespace"}), text(object, {"metadata", "name"})};
}

Annotations read_annotations(const json& object) {
    Annotations found;
    const json* annotations = at(object, {"metadata", "annotations"});
    if (annotations == nullptr || !annotations->is_object()) return found;
    for (const auto& [name, value] : annotations->items()) {
        if (value.is_string()) found.emplace_back(name, value.get<std::string>());
    }
    return found;
}

RevisionObject read_revision(const json& object) {
    RevisionObject revision;
    revision.name = read_name(object);
    revision.service = read_label(object, "serving.knative.dev/service");
    revision.configuration = read_label(object, "serving.knative.dev/configuration");
    revision.annotations = read_annotations(object);
    revision.concurrency = integer(object, {"spec", "containerConcurrency"}, 0);
    revision.timeout_seconds = integer(object, {"spec", "timeoutSeconds"}, 300);
    revision.response_start_seconds = integer(object, {"spec", "responseStartTimeoutSeconds"}, 0);
    revision.idle_seconds = integer(object, {"spec", "idleTimeoutSeconds"}, 0);
    read_containers(list(object, {"spec", "containers"}), revision);
    return revision;
}

EndpointsObject read_endpoints(const json& object) {
    EndpointsObject endpoints;
    endpoints.name = read_name(object);
    endpoints.revision = read_label(object, "serving.knative.dev/revision");
    for (const json& subset : list(object, {"subsets"})) {
        read_subset(subset, "http", endpoints.http1);
        read_subset(subset, "http2", endpoints.h2c);
    }
    return endpoints;
}

ServiceObject read_service(const json& object) {
    ServiceObject service;
    service.name = read_name(object);
    service.revision = read_label(object, "serving.knative.dev/revision");
    const std::string ip = text(object, {"spec", "clusterIP"});
    if (ip.empty() || ip == "None") return service;
    const json& ports = list(object, {"spec", "ports"});
    const auto address = [&](std::string_view name) {
        const auto port = port_of(ports, name);
        return port ? address_of(ip, *port) : std::string();
    };
    service.http1_address = address("http");
    service.h2c_address = address("http2");
    return service;
}

std::map<std::string, std::string> read_config_map(const json& object) {
    std::map<std::string, std::string> data;
    const json* found = at(object, {"data"});
    if (found == nullptr || !found->is_object()) return data;
    for (const auto& [name, value] : found->items()) {
        if (value.is_string()) data.emplace(name, value.get<std::string>());
    }
    return data;
}

std::map<std::string, std::string> read_secret(const json& object) {
    std::map<std::string, std::string> data;
    for (const auto& [name, encoded] : read_config_map(object)) {
        if (auto bytes = common::base64_decode(encoded)) data.emplace(name, std::move(*bytes));
    }
    return data;
}

std::string private_service_name(const std::string& revision) {
    constexpr std::string_view suffix = "-private";
    constexpr std::size_t longest = 63;
    constexpr std::size_t kept = longest - 32 - suffix.size();
    std::string name = revision;
    if (name.size() > longest - suffix.size())
        name = revision.substr(0, kept) + common::md5_hex(revision);
    return name + std::string(suffix);
}

}  // namespace activator::kubernetes
