// Removes the containers of a sluice that is gone, for a container does not die with the process
// that had it made. Two nets: a guard, a small process that lives as long as its sluice and a
// moment longer; and a sweep at the next start, if the guard was killed too.
#pragma once

#include <string>

#include "sluice/pods/pod_init.hpp"
#include "sluice/pods/spawn.hpp"

namespace sluice {

// Removes (by force) all containers with owner_label = `owner`. Returns how many are left that
// could not be removed; blocks.
int remove_containers_of(const std::string& socket, const std::string& owner);

// Removes the containers of every owner that lives no more. Returns an error for people, or "".
std::string sweep_containers(const std::string& socket);

// The guard, as a child of this process. Destroying it makes the guard sweep and end, and waits.
class DockerGuard {
  public:
    DockerGuard(const std::string& socket, const std::string& owner);
    ~DockerGuard();
    DockerGuard(const DockerGuard&) = delete;
    DockerGuard& operator=(const DockerGuard&) = delete;

    // Not empty: there is no guard.
    const std::string& error() const { return guard_.error; }

  private:
    SpawnedSupervisor guard_;
};

// What a supervisor does when it is asked to run this instead of a program: argv is socket, owner.
constexpr const char* docker_guard_program = "sluice:docker-guard";
[[noreturn]] void run_docker_guard(const Command& command);

}  // namespace sluice
