// A run that is a process under its supervisor, its output in the pod's log.
#pragma once

#include <cstdint>
#include <string>

#include "sluice/pods/pod_log.hpp"
#include "sluice/pods/run.hpp"
#include "sluice/pods/supervised_process.hpp"

namespace sluice {

class CommandRun final : public Run {
  public:
    struct Plan {
        Command command;
        std::string label;           // for ps
        std::string part;            // how its lines are marked in the log: "" or "queue-proxy"
        std::uint16_t own_port = 0;  // see Run::OpenPorts
        std::uint16_t fixed_port = 0;
    };

    // `log` outlives the run.
    CommandRun(boost::asio::any_io_executor executor, PodLog& log, Plan plan);

    void launch(News news) override;
    void terminate() override { process_.terminate(); }
    void kill() override { process_.kill(); }
    bool kill_and_wait(int milliseconds) override { return process_.kill_and_wait(milliseconds); }
    OpenPorts open_ports() const override;

  private:
    void exited(ExitStatus status, int left);
    void failed(const std::string& reason);

    PodLog& log_;
    Plan plan_;
    News news_;
    OutputReader output_;
    SupervisedProcess process_;
};

}  // namespace sluice
