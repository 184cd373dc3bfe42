// The pods of one machine: for each a queue-proxy process and the application, which is a process
// or a container; what it is, a PlanApp says. GPUs, ports, restarts, and the order of events are
// the same for both.
//
// The application's port is the pod's own and told by PORT. An application that ignores PORT is
// found out by looking where it listens: if that is the containerPort, the pod goes on with it
// (event address_changed), and no second pod of the revision can run (event failed).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sluice/pods/gpu_pool.hpp"
#include "sluice/pods/line_output.hpp"
#include "sluice/pods/pod_commands.hpp"
#include "sluice/pods/pod_log.hpp"
#include "sluice/pods/port_picker.hpp"
#include "sluice/pods/restarting_run.hpp"
#include "sluice/pods/runtime.hpp"

namespace sluice {

// One application to be run.
struct AppRequest {
    const PodSpec& spec;
    PodLog& log;  // outlives the runs
    std::uint16_t app_port;
    const std::vector<std::string>& gpus;
};

struct AppPlan {
    RunFactory run;
    std::string error;  // not empty: it can never run; one line
};
using PlanApp = std::function<AppPlan(const AppRequest&)>;

struct MachineOptions {
    std::string queue_proxy;        // the program
    std::vector<std::string> gpus;  // parse_gpus()
    std::string log_directory;      // empty: no log files
    std::uint32_t port_seed = 0;    // see PortPicker
    // The queue-proxy runs only while the application's port is open: for applications behind a
    // port forwarder, which accepts connections (and TCP probes) before the application does.
    bool queue_proxy_waits = false;
};

class MachineRuntime final : public PodRuntime {
  public:
    // `ground` and `output` outlive the runtime.
    MachineRuntime(ProcessGround ground, LineOutput& output, MachineOptions options,
                   PlanApp plan_app, Events events);
    ~MachineRuntime() override;

    void start(common::PodId id, const PodSpec& spec) override;
    void stop(common::PodId id) override;
    std::string last_line(common::PodId id) const override;
    void kill_all() override;

  private:
    struct Pod;

    void tell(common::PodId id, PodEvent event);
    void post(std::function<void()> what);
    Pod* find(common::PodId id);

    void begin(Pod& pod);
    bool take_gpus(Pod& pod);
    bool take_ports(Pod& pod);
    bool take_queue_proxy_ports(Pod& pod);
    void release_queue_proxy_ports(Pod& pod);
    void launch(Pod& pod, RunFactory app);
    void listen_to(Pod& pod);
    RunFactory queue_proxy(Pod& pod) const;
    void app_started(Pod& pod);
    void part_started(Pod& pod);
    void app_exited(Pod& pod, const std::string& reason, common::Duration wait);
    void queue_proxy_exited(Pod& pod, const std::string& reason, common::Duration wait);

    void fail(Pod& pod, const std::string& reason);
    void end_processes(Pod& pod, common::Duration grace);
    void process_gone(Pod& pod);
    void release(Pod& pod);
    void retry_pending();

    void watch_ports(Pod& pod, common::Duration wait);
    void look_at_ports(Pod& pod, common::Duration waited);
    void port_opened(Pod& pod);
    void use_fixed_port(Pod& pod);
    bool fixed_port_is_taken(const Pod& pod) const;
    std::string fixed_port_message(const Pod& pod) const;

    ProcessGround ground_;
    LineOutput& output_;
    MachineOptions options_;
    PlanApp plan_app_;
    Events events_;
    GpuPool gpus_;
    PortPicker ports_;
    std::map<std::string, std::uint16_t> fixed_ports_;  // by revision
    std::map<common::PodId, std::unique_ptr<Pod>> pods_;
    std::shared_ptr<int> alive_;  // posted work checks it
};

}  // namespace sluice
