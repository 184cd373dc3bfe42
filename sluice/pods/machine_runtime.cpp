#include "sluice/pods/machine_runtime.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include <boost/asio/post.hpp>

#include "common/core/check.hpp"
#include "sluice/pods/command_run.hpp"
#include "sluice/pods/process_tree.hpp"

namespace sluice {
namespace {

// The supervisors give up after 10 s of SIGKILL (pod_init.cpp) and end then.
constexpr int kill_all_patience_ms = 12'000;
// How often an application that has not opened its port is looked at: at first, and at most.
constexpr common::Duration first_look = std::chrono::milliseconds(200);
constexpr common::Duration longest_look = std::chrono::seconds(1);
// When the queue-proxy waits for the port, every look is a part of the cold start.
constexpr common::Duration quick_look = std::chrono::milliseconds(50);

std::string seconds_text(common::Duration wait) {
    if (wait == common::Duration::zero()) return "at once";
    return "in " + std::to_string(std::chrono::duration_cast<std::chrono::seconds>(wait).count()) +
           " s";
}

}  // namespace

struct MachineRuntime::Pod {
    enum class Phase : std::uint8_t { pending, running, ending };

    Pod(const ProcessGround& ground, LineOutput& output, const std::string& log_directory,
        const PodSpec& its_spec)
        : spec(its_spec),
          log(output, spec.name, log_directory),
          watch(ground.time.make_timer()),
          app(ground.time),
          queue_proxy(ground.time) {}

    std::string revision() const {
        const auto at = spec.queue_proxy_env.find("SERVING_REVISION");
        return at == spec.queue_proxy_env.end() ? spec.name : at->second;
    }
    std::string service() const {
        const auto at = spec.queue_proxy_env.find("SERVING_SERVICE");
        return at == spec.queue_proxy_env.end() ? spec.name : at->second;
    }
    bool on_fixed_port() const { return address.app_port == spec.container_port; }

    common::PodId id;
    PodSpec spec;
    PodLog log;
    std::unique_ptr<common::Timer> watch;
    RestartingRun app;
    RestartingRun queue_proxy;
    Phase phase = Phase::pending;
    std::string pending_reason;  // as told last
    std::vector<std::string> gpus;
    PodAddress address;
    QueueProxyPorts ports;
    std::uint16_t own_app_port = 0;  // from the picker; 0: none
    int parts_started = 0;
    bool told_started = false;
    bool port_open = false;      // its own port was seen open in this run
    int seen_on_fixed_port = 0;  // looks in a row
    int processes = 0;           // not gone yet, while ending
    bool stop_wanted = false;
};

MachineRuntime::MachineRuntime(ProcessGround ground, LineOutput& output, MachineOptions options,
                               PlanApp plan_app, Events events)
    : ground_(ground),
      output_(output),
      options_(std::move(options)),
      plan_app_(std::move(plan_app)),
      events_(std::move(events)),
      gpus_(options_.gpus),
      ports_(options_.port_seed),
      alive_(std::make_shared<int>(0)) {}

MachineRuntime::~MachineRuntime() {
    kill_all();
}

void MachineRuntime::post(std::function<void()> what) {
    boost::asio::post(ground_.executor,
                      [alive = std::weak_ptr<int>(alive_), what = std::move(what)] {
                          if (!alive.expired()) what();
                      });
}

void MachineRuntime::tell(common::PodId id, PodEvent event) {
    post([this, id, event = std::move(event)] { events_(id, event); });
}

MachineRuntime::Pod* MachineRuntime::find(common::PodId id) {
    const auto at = pods_.find(id);
    return at == pods_.end() ? nullptr : at->second.get();
}

void MachineRuntime::start(common::PodId id, const PodSpec& spec) {
    auto pod = std::make_unique<Pod>(ground_, output_, options_.log_directory, spec);
    pod->id = id;
    const auto [at, is_new] = pods_.emplace(id, std::move(pod));
    CHECK(is_new);
    begin(*at->second);
}

void MachineRuntime::begin(Pod& pod) {
    if (fixed_port_is_taken(pod)) return fail(pod, fixed_port_message(pod));
    if (!take_gpus(pod)) return;
    if (!take_ports(pod)) return fail(pod, "no free loopback port is left for this pod");
    AppPlan plan = plan_app_({pod.spec, pod.log, pod.address.app_port, pod.gpus});
    if (!plan.error.empty()) return fail(pod, plan.error);
    launch(pod, std::move(plan.run));
}

bool MachineRuntime::take_gpus(Pod& pod) {
    const unsigned wanted = pod.spec.gpus;
    if (wanted == 0) return true;
    if (wanted > gpus_.total()) {
        fail(pod, gpus_.shortage(wanted));
        return false;
    }
    auto taken = gpus_.take(wanted);
    if (taken) {
        pod.gpus = std::move(*taken);
        return true;
    }
    const std::string reason = gpus_.shortage(wanted);
    if (pod.pending_reason != reason) tell(pod.id, {PodEvent::Kind::pending, reason, {}, {}});
    pod.pending_reason = reason;
    return false;
}

bool MachineRuntime::take_ports(Pod& pod) {
    if (fixed_ports_.contains(pod.revision())) {
        pod.address.app_port = pod.spec.container_port;
    } else {
        pod.own_app_port = pod.address.app_port = ports_.take();
    }
    return take_queue_proxy_ports(pod) && pod.address.app_port != 0;
}

bool MachineRuntime::take_queue_proxy_ports(Pod& pod) {
    pod.ports = {ports_.take(), ports_.take(), ports_.take()};
    pod.address.queue_proxy_port = pod.ports.serving;
    return pod.ports.serving != 0 && pod.ports.tls != 0 && pod.ports.admin != 0;
}

void MachineRuntime::release_queue_proxy_ports(Pod& pod) {
    for (const std::uint16_t port : {pod.ports.serving, pod.ports.tls, pod.ports.admin})
        ports_.release(port);
    pod.ports = {};
}

RunFactory MachineRuntime::queue_proxy(Pod& pod) const {
    CommandRun::Plan plan;
    plan.command =
        queue_proxy_command(pod.spec, options_.queue_proxy, pod.ports, pod.address.app_port);
    plan.label = pod.spec.name + " queue-proxy";
    plan.part = "queue-proxy";
    return [executor = ground_.executor, &log = pod.log, plan] {
        return std::make_unique<CommandRun>(executor, log, plan);
    };
}

void MachineRuntime::listen_to(Pod& pod) {
    RestartingRun::News proxy;
    proxy.on_started = [this, &pod] {
        if (!options_.queue_proxy_waits) part_started(pod);
    };
    proxy.on_failed = [this, &pod](const std::string& reason) {
        fail(pod, "queue-proxy: " + reason);
    };
    proxy.on_exited = [this, &pod](const std::string& reason, common::Duration wait) {
        queue_proxy_exited(pod, reason, wait);
    };
    proxy.on_stopped = [this, &pod] { process_gone(pod); };
    pod.queue_proxy.tell(std::move(proxy));

    RestartingRun::News app;
    app.on_started = [this, &pod] { app_started(pod); };
    app.on_failed = [this, &pod](const std::string& reason) { fail(pod, reason); };
    app.on_exited = [this, &pod](const std::string& reason, common::Duration wait) {
        app_exited(pod, reason, wait);
    };
    app.on_stopped = [this, &pod] { process_gone(pod); };
    pod.app.tell(std::move(app));
}

void MachineRuntime::launch(Pod& pod, RunFactory app) {
    pod.phase = Pod::Phase::running;
    pod.processes = 2;
    pod.parts_started = options_.queue_proxy_waits ? 1 : 0;
    listen_to(pod);
    if (!options_.queue_proxy_waits) pod.queue_proxy.start(queue_proxy(pod));
    pod.app.start(std::move(app));
}

void MachineRuntime::app_started(Pod& pod) {
    pod.port_open = false;
    pod.seen_on_fixed_port = 0;
    watch_ports(pod, options_.queue_proxy_waits ? quick_look : first_look);
    if (pod.told_started) return tell(pod.id, {PodEvent::Kind::app_restarted, {}, pod.address, {}});
    part_started(pod);
}

void MachineRuntime::part_started(Pod& pod) {
    if (pod.told_started || ++pod.parts_started < 2) return;
    pod.told_started = true;
    tell(pod.id, {PodEvent::Kind::started, {}, pod.address, {}});
}

void MachineRuntime::app_exited(Pod& pod, const std::string& reason, common::Duration wait) {
    pod.watch->disarm();
    if (options_.queue_proxy_waits) pod.queue_proxy.hold();
    if (!std::exchange(pod.told_started, true))
        tell(pod.id, {PodEvent::Kind::started, {}, pod.address, {}});
    std::string text = reason;
    const std::uint16_t port = pod.spec.container_port;
    // Most applications say so in their log only, far from here.
    if (!pod.port_open && !pod.on_fixed_port() && listening_ports().contains(port))
        text += "; port " + std::to_string(port) +
                " is taken: an application that ignores PORT cannot open it";
    tell(pod.id, {PodEvent::Kind::app_exited, text, pod.address, wait});
}

void MachineRuntime::queue_proxy_exited(Pod& pod, const std::string& reason,
                                        common::Duration wait) {
    pod.log.line("queue-proxy", "(sluice: it ended: " + reason + "; it is started again " +
                                    seconds_text(wait) + ")");
    // It runs no more: whoever listens there is somebody else, and the next run would fail, too.
    const std::set<std::uint16_t> taken = listening_ports();
    const std::uint16_t port = pod.ports.serving;
    if (!taken.contains(port) && !taken.contains(pod.ports.tls) && !taken.contains(pod.ports.admin))
        return;
    release_queue_proxy_ports(pod);
    if (!take_queue_proxy_ports(pod))
        return fail(pod, "no free loopback port is left for this pod");
    pod.queue_proxy.replace(queue_proxy(pod));
    tell(pod.id, {PodEvent::Kind::address_changed,
                  "another program has taken a port of its queue-proxy, which moves from port " +
                      std::to_string(port) + " to " + std::to_string(pod.ports.serving),
                  pod.address,
                  {}});
}

void MachineRuntime::fail(Pod& pod, const std::string& reason) {
    if (pod.phase == Pod::Phase::ending) return;
    tell(pod.id, {PodEvent::Kind::failed, reason, pod.address, {}});
    end_processes(pod, common::Duration::zero());
}

void MachineRuntime::stop(common::PodId id) {
    Pod* const pod = find(id);
    if (pod == nullptr || std::exchange(pod->stop_wanted, true)) return;
    if (pod->phase != Pod::Phase::ending) return end_processes(*pod, pod->spec.termination_grace);
    if (pod->processes == 0) release(*pod);
}

std::string MachineRuntime::last_line(common::PodId id) const {
    const auto at = pods_.find(id);
    return at == pods_.end() ? "" : at->second->log.last_line();
}

void MachineRuntime::end_processes(Pod& pod, common::Duration grace) {
    pod.phase = Pod::Phase::ending;
    pod.watch->disarm();
    if (pod.processes == 0) return release(pod);
    pod.app.stop(grace);
    pod.queue_proxy.stop(grace);
}

void MachineRuntime::process_gone(Pod& pod) {
    if (--pod.processes == 0) release(pod);
}

// Nothing of the pod runs (any more).
void MachineRuntime::release(Pod& pod) {
    release_queue_proxy_ports(pod);
    ports_.release(std::exchange(pod.own_app_port, std::uint16_t{0}));
    const std::vector<std::string> gpus = std::exchange(pod.gpus, {});
    if (!gpus.empty()) {
        gpus_.give_back(gpus);
        post([this] { retry_pending(); });
    }
    if (!pod.stop_wanted) return;
    // Posted: this may be called by one of the pod's own processes.
    post([this, id = pod.id] { pods_.erase(id); });
    tell(pod.id, {PodEvent::Kind::stopped, {}, pod.address, {}});
}

void MachineRuntime::retry_pending() {
    for (const auto& [id, pod] : pods_)
        if (pod->phase == Pod::Phase::pending) begin(*pod);
}

void MachineRuntime::kill_all() {
    alive_ = std::make_shared<int>(0);
    for (const auto& [id, pod] : pods_) {
        pod->app.kill();
        pod->queue_proxy.kill();
    }
    for (const auto& [id, pod] : pods_) {
        const bool app_gone = pod->app.kill_and_wait(kill_all_patience_ms);
        const bool proxy_gone = pod->queue_proxy.kill_and_wait(kill_all_patience_ms);
        if (!app_gone || !proxy_gone)
            pod->log.line("", "(sluice: some of its processes survive SIGKILL)");
        if (!pod->gpus.empty()) gpus_.give_back(pod->gpus);
    }
    pods_.clear();
}

void MachineRuntime::watch_ports(Pod& pod, common::Duration wait) {
    if (pod.on_fixed_port() && !options_.queue_proxy_waits) return;
    pod.watch->arm(ground_.time.now() + wait, [this, &pod, wait] { look_at_ports(pod, wait); });
}

void MachineRuntime::look_at_ports(Pod& pod, common::Duration waited) {
    const Run::OpenPorts open = pod.app.open_ports();
    if (open.own) return port_opened(pod);
    // Twice in a row, for it may open its own port a moment after another one.
    pod.seen_on_fixed_port = open.fixed ? pod.seen_on_fixed_port + 1 : 0;
    if (pod.seen_on_fixed_port == 2) return use_fixed_port(pod);
    if (options_.queue_proxy_waits) return watch_ports(pod, quick_look);
    watch_ports(pod, open.fixed ? first_look : std::min(waited * 3 / 2, longest_look));
}

void MachineRuntime::port_opened(Pod& pod) {
    pod.port_open = true;
    if (options_.queue_proxy_waits) pod.queue_proxy.replace(queue_proxy(pod));
}

void MachineRuntime::use_fixed_port(Pod& pod) {
    fixed_ports_[pod.revision()] = pod.spec.container_port;
    ports_.release(std::exchange(pod.own_app_port, std::uint16_t{0}));
    pod.address.app_port = pod.spec.container_port;
    pod.queue_proxy.replace(queue_proxy(pod));
    tell(pod.id, {PodEvent::Kind::address_changed,
                  pod.service() + ": the application ignores PORT and listens on " +
                      std::to_string(pod.address.app_port) + "; this pod uses that port",
                  pod.address,
                  {}});
    for (const auto& [id, other] : pods_) {
        const bool rival = other.get() != &pod && other->revision() == pod.revision() &&
                           other->phase != Pod::Phase::ending && !other->port_open;
        if (rival) fail(*other, fixed_port_message(*other));
    }
}

bool MachineRuntime::fixed_port_is_taken(const Pod& pod) const {
    if (!fixed_ports_.contains(pod.revision())) return false;
    for (const auto& [id, other] : pods_) {
        if (other.get() == &pod || other->revision() != pod.revision()) continue;
        if (other->processes > 0 && other->on_fixed_port()) return true;
    }
    return false;
}

std::string MachineRuntime::fixed_port_message(const Pod& pod) const {
    return pod.service() + ": the application ignores PORT and listens on " +
           std::to_string(pod.spec.container_port) +
           ", so only one pod can run; pass --port $(PORT) in args, or use --runtime docker";
}

}  // namespace sluice
