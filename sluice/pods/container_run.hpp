// A run that is a container: created, started, followed, removed. A restart is a new container, as
// in Kubernetes: nothing that the last one wrote is there.
//
// An image that the engine does not have is pulled once; if that fails, the message says so.
#pragma once

#include <memory>
#include <string>

#include "sluice/pods/container_spec.hpp"
#include "sluice/pods/docker_client.hpp"
#include "sluice/pods/line_splitter.hpp"
#include "sluice/pods/pod_log.hpp"
#include "sluice/pods/run.hpp"

namespace sluice {

class ContainerRun final : public Run {
  public:
    // `client` and `log` outlive the run. `name` is the container's, unique on this engine.
    ContainerRun(common::TimeSource& time, const DockerClient& client, PodLog& log,
                 ContainerPlan plan, std::string name);
    ~ContainerRun() override;

    void launch(News news) override;
    void terminate() override;
    void kill() override;
    bool kill_and_wait(int milliseconds) override;
    OpenPorts open_ports() const override;

  private:
    void create(bool may_pull);
    void created(const DockerReply& reply, bool may_pull);
    void pull();
    void start();
    void started();
    void follow();
    void wait();
    void waited(const DockerReply& reply);
    void inspected(const DockerReply& reply);
    void give_up();
    void remove_and_tell(std::string reason, bool ran);
    std::string path(const std::string& rest = {}) const { return "/containers/" + name_ + rest; }

    common::TimeSource& time_;
    const DockerClient& client_;
    PodLog& log_;
    ContainerPlan plan_;
    std::string name_;
    News news_;
    std::unique_ptr<DockerCall> step_;    // create, pull, start, wait, remove: one after the other
    std::unique_ptr<DockerCall> follow_;  // the log
    std::unique_ptr<DockerCall> inspect_;
    std::unique_ptr<DockerCall> order_;  // terminate, kill
    std::unique_ptr<common::Timer> log_patience_;
    LogFrames frames_;
    LineSplitter lines_;
    std::string pull_error_;
    std::string exit_reason_;
    int pid_ = 0;  // of the container's first process; 0: unknown or out of sight
    bool inspected_ = false;
    bool pulling_ = false;
    bool runs_ = false;
    bool exited_ = false;
    bool log_done_ = false;
    bool unwanted_ = false;  // told to end before it ran
};

}  // namespace sluice
