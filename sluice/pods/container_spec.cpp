#include "sluice/pods/container_spec.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include <nlohmann/json.hpp>

#include "sluice/pods/pod_commands.hpp"

namespace sluice {
namespace {

using Json = nlohmann::json;

// The engine keeps a container's log on disk; ours reads it at once, so a little is enough.
constexpr const char* engine_log_size = "10m";
constexpr const char* engine_log_files = "2";
// RFC 1123 label: the longest host name part.
constexpr std::size_t hostname_max = 63;
constexpr std::size_t frame_header_size = 8;

// Field 22 of /proc/<pid>/stat; empty when there is no such process.
std::string start_time(const std::string& pid) {
    std::ifstream file("/proc/" + pid + "/stat");
    std::string line;
    std::getline(file, line);
    // The second field, a name in brackets, is the only one that may hold blanks and brackets.
    const std::size_t name_end = line.rfind(") ");
    if (name_end == std::string::npos) return {};
    std::istringstream rest(line.substr(name_end + 2));
    std::string field;
    for (int number = 3; number <= 22; ++number)
        rest >> field;
    return rest ? field : std::string();
}

// Process ids mean something in one namespace only: "pid:[4026531836]" without its decoration.
std::string pid_namespace() {
    std::error_code error;
    const std::string link = std::filesystem::read_symlink("/proc/self/ns/pid", error).string();
    std::string digits;
    std::copy_if(link.begin(), link.end(), std::back_inserter(digits),
                 [](char c) { return c >= '0' && c <= '9'; });
    return digits;
}

Json host_config(const ContainerPlan& plan, const std::string& port) {
    Json config;
    config["LogConfig"] = {
        {"Type", "json-file"},
        {"Config", {{"max-size", engine_log_size}, {"max-file", engine_log_files}}}};
    if (plan.host_network) {
        config["NetworkMode"] = "host";
    } else {
        const Json binding = {{"HostIp", "127.0.0.1"},
                              {"HostPort", std::to_string(plan.host_port)}};
        config["PortBindings"][port] = Json::array({binding});
    }
    if (!plan.gpus.empty()) {
        const Json request = {{"Driver", "nvidia"},
                              {"DeviceIDs", plan.gpus},
                              {"Capabilities", Json::array({Json::array({"gpu"})})}};
        config["DeviceRequests"] = Json::array({request});
    }
    return config;
}

}  // namespace

std::string container_json(const ContainerPlan& plan) {
    const PodSpec& spec = plan.spec;
    const std::uint16_t app_port = plan.host_network ? plan.host_port : spec.container_port;
    const EnvEntries env = declared_env(spec, app_port);
    const std::string port = std::to_string(spec.container_port) + "/tcp";
    Json body;
    body["Image"] = spec.image;
    body["Env"] = merge_env({}, env);
    // An Entrypoint of ours takes the image's Cmd away too, as in Kubernetes.
    if (!spec.command.empty()) body["Entrypoint"] = expand_all(spec.command, env);
    if (!spec.args.empty()) body["Cmd"] = expand_all(spec.args, env);
    if (!spec.working_dir.empty()) body["WorkingDir"] = spec.working_dir;
    if (!plan.host_network) {
        body["Hostname"] = spec.name.substr(0, hostname_max);
        body["ExposedPorts"][port] = Json::object();
    }
    body["Labels"] = {{std::string(owner_label), plan.owner}, {std::string(pod_label), spec.name}};
    body["HostConfig"] = host_config(plan, port);
    return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string own_owner() {
    const std::string pid = std::to_string(::getpid());
    return pid + "-" + start_time(pid) + "-" + pid_namespace();
}

bool owner_lives(const std::string& owner) {
    std::istringstream parts(owner);
    std::string pid;
    std::string started;
    std::string space;
    std::getline(parts, pid, '-');
    std::getline(parts, started, '-');
    std::getline(parts, space);
    const bool ours = !pid.empty() && pid.find_first_not_of("0123456789") == std::string::npos &&
                      !started.empty() && space == pid_namespace();
    return !ours || start_time(pid) == started;
}

ImageName split_image(const std::string& image) {
    if (image.find('@') != std::string::npos) return {image, ""};
    const std::size_t colon = image.rfind(':');
    // "localhost:5000/a" has a port, not a tag.
    if (colon == std::string::npos || image.find('/', colon) != std::string::npos)
        return {image, "latest"};
    return {image.substr(0, colon), image.substr(colon + 1)};
}

void LogFrames::feed(std::string_view bytes,
                     const std::function<void(std::string_view)>& on_bytes) {
    while (!bytes.empty()) {
        if (left_ > 0) {
            const std::size_t taken = std::min<std::size_t>(left_, bytes.size());
            on_bytes(bytes.substr(0, taken));
            left_ -= static_cast<std::uint32_t>(taken);
            bytes.remove_prefix(taken);
            continue;
        }
        const std::size_t taken = std::min(frame_header_size - header_.size(), bytes.size());
        header_.append(bytes.substr(0, taken));
        bytes.remove_prefix(taken);
        if (header_.size() < frame_header_size) return;
        for (std::size_t i = 4; i < frame_header_size; ++i)
            left_ = left_ << 8 | static_cast<unsigned char>(header_[i]);
        header_.clear();
    }
}

}  // namespace sluice
