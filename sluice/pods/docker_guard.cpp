#include "sluice/pods/docker_guard.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "sluice/pods/container_spec.hpp"
#include "sluice/pods/docker_client.hpp"

namespace sluice {
namespace {

using Json = nlohmann::json;

// For each step of one call to the engine; removing a container may take it a while.
constexpr int call_seconds = 20;
// A container may be in the making when its sluice dies: the guard looks again after a pause, until
// it has found none so many times in a row.
constexpr int quiet_looks = 4;
constexpr int look_pause_ms = 500;

struct Found {
    std::string id;
    std::string owner;
};

// Containers that carry `label` ("name" or "name=value").
std::vector<Found> list(const std::string& socket, const std::string& label, std::string& error) {
    const Json filter = {{"label", Json::array({label})}};
    const DockerReply reply = docker_call_and_wait(
        socket, {"GET", "/containers/json?all=1&filters=" + percent_encode(filter.dump()), {}},
        call_seconds);
    std::vector<Found> found;
    const Json containers = Json::parse(reply.body, nullptr, false);
    if (!reply.good() || !containers.is_array()) {
        error = reply.reason();
        return found;
    }
    for (const Json& container : containers) {
        const Json labels = container.value("Labels", Json::object());
        found.push_back({container.value("Id", ""), labels.value(std::string(owner_label), "")});
    }
    return found;
}

bool remove(const std::string& socket, const std::string& id) {
    const DockerReply reply = docker_call_and_wait(
        socket, {"DELETE", "/containers/" + id + "?force=1&v=1", {}}, call_seconds);
    // 409: someone else removes it already.
    return reply.good() || reply.status == 404 || reply.status == 409;
}

}  // namespace

int remove_containers_of(const std::string& socket, const std::string& owner) {
    std::string error;
    int left = 0;
    for (const Found& found : list(socket, std::string(owner_label) + "=" + owner, error))
        left += remove(socket, found.id) ? 0 : 1;
    return left;
}

std::string sweep_containers(const std::string& socket) {
    std::string error;
    for (const Found& found : list(socket, std::string(owner_label), error)) {
        if (owner_lives(found.owner) || remove(socket, found.id)) continue;
        error = "cannot remove the left-over container " + found.id;
    }
    return error;
}

DockerGuard::DockerGuard(const std::string& socket, const std::string& owner) {
    Command command;
    command.path = docker_guard_program;
    command.argv = {socket, owner};
    const common::UniqueFd nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC));
    guard_ = spawn_supervisor(command, "docker-guard", nowhere.get());
}

DockerGuard::~DockerGuard() {
    if (!guard_.error.empty()) return;
    // An order, not an end: nothing is left to wait for.
    const char order = static_cast<char>(PodInitOrder::terminate);
    (void)::send(guard_.control.get(), &order, 1, MSG_NOSIGNAL);
    guard_.control.reset();
    ::waitpid(guard_.pid, nullptr, 0);
}

void run_docker_guard(const Command& command) {
    if (command.argv.size() != 2) ::_exit(64);
    char order = 0;
    const bool ordered = ::recv(pod_init_control_fd, &order, 1, 0) == 1;
    // sluice ended as it should and says that it left nothing: one look is enough.
    for (int quiet = ordered ? quiet_looks - 1 : 0; quiet < quiet_looks; ++quiet) {
        if (quiet > 0 && !ordered) ::poll(nullptr, 0, look_pause_ms);
        if (remove_containers_of(command.argv[0], command.argv[1]) > 0) quiet = 0;
    }
    ::_exit(0);
}

}  // namespace sluice
