#include "sluice/up.hpp"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <memory>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include "activator/admin_door.hpp"
#include "activator/admin_port.hpp"
#include "activator/gateway.hpp"
#include "activator/handover.hpp"
#include "common/async/task_group.hpp"
#include "common/crypto/hmac.hpp"
#include "common/http/http_server.hpp"
#include "common/log/log.hpp"
#include "common/net/hangup_watch.hpp"
#include "common/net/open_files.hpp"
#include "common/time/system_time.hpp"
#include "sluice/pods/make_runtime.hpp"
#include "sluice/pods/spawn.hpp"
#include "sluice/progress.hpp"
#include "sluice/service/service_file.hpp"
#include "sluice/service_runner.hpp"

namespace sluice {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using common::PodId;

// After the first signal: how long running requests may take to end, and the pods after them.
constexpr common::Duration drain_max = std::chrono::seconds(10);
constexpr common::Duration stop_max = std::chrono::seconds(20);
constexpr common::Duration drain_step = std::chrono::milliseconds(50);
// After a hand-over: connections that were accepted just before have yet to say what they want.
constexpr common::Duration late_requests = std::chrono::seconds(1);
constexpr std::size_t cookie_key_bytes = 32;

std::string directory_of(const std::string& program) {
    std::error_code ignored;
    const fs::path self = fs::read_symlink("/proc/self/exe", ignored);
    return (self.empty() ? fs::path(program) : self).parent_path().string();
}

// One line per problem; true if nothing may be started.
bool print_problems(const UpOptions& options, ServiceFile& services) {
    for (Problem& problem : services.problems) {
        const bool unknown_command = problem.message == no_command_message;
        if (unknown_command && options.runtime == "process") problem.severity = Severity::error;
        std::cerr << problem_line(options.file, problem) << "\n";
    }
    return services.has_errors();
}

class Up {
  public:
    // `claim`: what a running sluice hands over, if one does.
    Up(const UpOptions& options, ServiceFile file, activator::HandoverClaim claim);

    int run();

  private:
    bool check_commands() const;
    bool open_doors();
    bool open_ports();
    bool open_handover();
    void begin();
    void begin_scaling();
    void greet();
    void say(std::string_view event, const std::string& line);
    void show_progress();
    void on_pod_event(PodId id, const PodEvent& event);
    void wait_for_signal();
    void on_signal();
    void drain(common::Instant deadline);
    void stop_pods(common::Instant deadline);
    void finish();
    activator::HandoverOffer::Offer offer();
    void hand_over();
    void serve_the_rest(common::Instant not_before);

    // What tasks use is declared before the event loop and goes away after it.
    UpOptions options_;
    ServiceFile file_;
    std::string directory_;
    asio::io_context io_{1};
    common::SystemTime time_{io_.get_executor()};
    common::HangupWatch hangups_{io_.get_executor()};
    LineOutput output_{io_.get_executor(), STDOUT_FILENO};
    common::TaskGroup tasks_{io_.get_executor()};
    activator::AdminDoor admin_door_;
    std::unique_ptr<common::Certificates> certificates_;  // if clients speak TLS
    std::unique_ptr<activator::Gateway> gateway_;
    std::unique_ptr<activator::AdminPort> admin_;
    activator::HandedOver from_;  // empty descriptors: from nobody
    activator::Predecessor predecessor_{tasks_};
    activator::HandoverOffer handover_;
    std::vector<std::string> cookie_keys_;
    std::unique_ptr<PodRuntime> runtime_;
    std::vector<std::unique_ptr<ServiceRunner>> runners_;
    asio::signal_set signals_{io_, SIGINT, SIGTERM};
    std::unique_ptr<common::Timer> end_timer_{time_.make_timer()};
    std::unique_ptr<common::Timer> progress_timer_{time_.make_timer()};
    ProgressPace progress_pace_;
    std::uint64_t last_pod_id_ = 0;
    int signals_seen_ = 0;
    bool handed_over_ = false;
    bool finished_ = false;
    int exit_code_ = 0;
};

Up::Up(const UpOptions& options, ServiceFile file, activator::HandoverClaim claim)
    : options_(options),
      file_(std::move(file)),
      directory_(directory_of(options.program)),
      from_(claim.got ? std::move(*claim.got) : activator::HandedOver()),
      handover_(tasks_, time_, {[this] { return offer(); }, [this] { hand_over(); }}),
      // Sessions end with the pods they point to, so with this process or its successor: no other
      // key need outlive it.
      cookie_keys_(from_.cookie_keys.empty() ? std::vector{common::random_bytes(cookie_key_bytes)}
                                             : std::exchange(from_.cookie_keys, {})) {
    activator::GatewayOptions gateway;
    gateway.cookie_keys = cookie_keys_;
    // Pods are on this machine: asking often is cheap, and a pod should serve as soon as it can.
    gateway.probes.period = std::chrono::milliseconds(50);
    for (const ServiceSpec& service : file_.services)
        gateway.limits.queue_bytes = service.knobs.queue_bytes;
    gateway.server =
        activator::server_limits(options_.client_limits, true, common::open_files_limit());
    gateway.metrics_of = common::of_sluice;
    gateway.access_log = options_.log.access;
    gateway_ = std::make_unique<activator::Gateway>(tasks_, time_, hangups_, std::move(gateway));
    admin_door_ = activator::make_admin_door(options_.admin, options_.admin_token_file);
    admin_ =
        std::make_unique<activator::AdminPort>(tasks_, time_, hangups_, *gateway_, admin_door_);
}

int Up::run() {
    RuntimeOptions runtime;
    runtime.kind = options_.runtime;
    runtime.gpus = options_.gpus;
    runtime.log_directory = options_.log_directory;
    runtime.program_directory = directory_;
    RuntimeResult made = make_runtime({io_.get_executor(), time_}, output_, runtime,
                                      [this](PodId id, const PodEvent& e) { on_pod_event(id, e); });
    if (!made.error.empty()) {
        common::log_start_failed(made.error);
        return 1;
    }
    runtime_ = std::move(made.runtime);
    if (!check_commands() || !open_doors() || !open_ports() || !open_handover()) return 1;
    begin();
    io_.run();
    return exit_code_;
}

// A command that does not exist is said before anything runs. That there is one has been checked.
bool Up::check_commands() const {
    if (options_.runtime != "process") return true;
    bool good = true;
    for (const ServiceSpec& service : file_.services) {
        const Container& container = service.container;
        const char* path = std::getenv("PATH");
        const CommandPlaces places{path ? path : "", directory_, container.working_dir};
        const std::string reason = resolve_command(container.command.front(), places).error;
        if (reason.empty()) continue;
        std::cerr << options_.file << ": error: service " << service.name << ": " << reason << "\n";
        good = false;
    }
    return good;
}

// Who may come in: the keys, and the token of the admin port.
bool Up::open_doors() {
    std::string problem = admin_door_.problem;
    if (problem.empty()) {
        const std::string wrong = gateway_->load_api_keys(options_.api_keys_file);
        if (!wrong.empty()) problem = "--api-keys " + wrong;
    }
    if (!problem.empty()) common::log_start_failed(problem);
    return problem.empty();
}

bool Up::open_ports() {
    activator::ClientCertificates loaded = activator::load_certificates(time_, options_.client_tls);
    if (!loaded.problem.empty()) {
        common::log_start_failed(loaded.problem);
        return false;
    }
    certificates_ = std::move(loaded.certificates);
    activator::Gateway::TlsPort secured;
    if (certificates_) {
        secured = [this] { return certificates_->context(); };
        certificates_->start();
    }
    const std::string listen = from_.listen ? gateway_->adopt(std::move(from_.listen), secured)
                                            : gateway_->open(options_.listen, secured);
    const std::string admin =
        from_.admin ? admin_->adopt(std::move(from_.admin)) : admin_->open(options_.admin);
    if (!listen.empty()) common::log_start_failed("--listen " + listen);
    if (!admin.empty()) common::log_start_failed("--admin " + admin);
    return listen.empty() && admin.empty();
}

// The last step before we serve: from here on our predecessor does not.
bool Up::open_handover() {
    if (options_.handover_file.empty()) return true;
    const bool taken = bool(from_.predecessor);
    std::string problem = from_.handover
                              ? handover_.adopt(options_.handover_file, std::move(from_.handover))
                              : handover_.open(options_.handover_file);
    if (problem.empty() && taken) problem = activator::confirm(from_);
    if (!problem.empty()) common::log_start_failed("--handover " + problem);
    return problem.empty();
}

void Up::begin() {
    for (const ServiceSpec& service : file_.services) {
        ServiceRunner::Parts parts{
            *gateway_,
            *runtime_,
            time_,
            [this, name = service.name](std::string_view event, const std::string& line) {
                say(event, line);
                admin_->log(name, line);
            },
            [this] { return PodId{++last_pod_id_}; },
            common::random_word()};
        runners_.push_back(std::make_unique<ServiceRunner>(service, file_.autoscaler, parts));
    }
    gateway_->router().on_wake([this](activator::RevisionId id) {
        for (const auto& runner : runners_) {
            if (runner->revision() == id) runner->on_wake();
        }
    });
    gateway_->on_pod_ready([this](PodId routed) {
        for (const auto& runner : runners_) {
            if (runner->on_pod_ready(routed)) return;
        }
    });
    gateway_->list_unrouted_pods([this](activator::RevisionId id) {
        for (const auto& runner : runners_) {
            if (runner->revision() == id) return runner->unrouted_pods();
        }
        return std::vector<activator::UnroutedPod>{};
    });
    wait_for_signal();
    gateway_->export_telemetry(common::ProcessEnv(),
                               {{"service.name", "sluice"}, {"service.version", SLUICE_VERSION}});
    gateway_->start();
    admin_->start();
    if (!options_.handover_file.empty()) handover_.start();
    greet();
    begin_scaling();
    show_progress();
}

// Its pods have the GPUs until it is gone; whoever comes meanwhile waits here.
void Up::begin_scaling() {
    const auto start = [this] {
        for (const auto& runner : runners_)
            runner->start();
    };
    if (!from_.predecessor) {
        start();
        return;
    }
    say("took_over", "requests come here now; pods start when the sluice before this has ended");
    const std::string problem = predecessor_.wait(std::move(from_.predecessor), [this, start] {
        if (signals_seen_ == 0 && !handed_over_) start();
    });
    if (!problem.empty()) start();
}

void Up::show_progress() {
    std::vector<LoadingPod> loading;
    for (const auto& runner : runners_) {
        for (LoadingPod& pod : runner->loading_pods())
            loading.push_back(std::move(pod));
    }
    const common::Instant now = time_.now();
    if (output_.is_terminal()) {
        output_.set_status(progress_line(loading));
    } else if (progress_pace_.due(loading, now)) {
        say("pods_loading", progress_line(loading));
    }
    progress_timer_->arm(now + std::chrono::seconds(1), [this] { show_progress(); });
}

// For people on stdout; with JSON as an event there.
void Up::say(std::string_view event, const std::string& line) {
    const bool json = common::log_format() == common::LogFormat::json;
    output_.write(json ? common::make_log_line(common::LogLevel::info, event, line) : line);
}

void Up::greet() {
    const std::string scheme = certificates_ ? "https://" : "http://";
    const std::string url = scheme + common::to_string(gateway_->local_address());
    const std::string admin = "http://" + common::to_string(admin_->local_address());
    for (const auto& runner : runners_) {
        const ServiceSpec& service = runner->service();
        std::string line = "serving " + service.name + " at " + url;
        if (runners_.size() > 1)
            line += " (Host: " + service.name + "." + service.name_space + ".example.com)";
        say("serving", line);
    }
    say("admin", "admin at " + admin + " (the page, /metrics, /api/status); Ctrl-C ends it");
}

void Up::on_pod_event(PodId id, const PodEvent& event) {
    for (const auto& runner : runners_) {
        if (runner->on_pod_event(id, event)) return;
    }
}

// --- The end: no new requests, waiting ones are refused, running ones may finish, then the pods,
// then the rest. A second signal skips it all.

void Up::wait_for_signal() {
    signals_.async_wait([this](boost::system::error_code ec, int) {
        if (ec) return;
        on_signal();
        if (!finished_) wait_for_signal();
    });
}

void Up::on_signal() {
    if (++signals_seen_ > 1) {
        exit_code_ = 1;
        runtime_->kill_all();
        finish();
        return;
    }
    gateway_->shut_down();
    for (const auto& runner : runners_)
        runner->stop_scaling();
    gateway_->router().stop_waiting();
    const bool busy = std::any_of(runners_.begin(), runners_.end(),
                                  [](const auto& runner) { return runner->busy(); });
    if (busy) say("ending", "ending; running requests may finish, Ctrl-C again ends them");
    // Not at once: those who waited are being told.
    const common::Instant deadline = time_.now() + drain_max;
    end_timer_->arm(time_.now() + drain_step, [this, deadline] { drain(deadline); });
}

// --- Another sluice takes over: what waits or runs here is served as before, then the pods are
// stopped, and it may have their GPUs.

activator::HandoverOffer::Offer Up::offer() {
    activator::HandoverOffer::Offer offer;
    offer.listen = options_.listen;
    offer.admin = options_.admin;
    offer.listen_socket = gateway_->native_handle();
    offer.admin_socket = admin_->native_handle();
    offer.cookie_keys = cookie_keys_;
    return offer;
}

void Up::hand_over() {
    handed_over_ = true;
    say("handed_over", "another sluice takes requests now; those that are here end, then the pods");
    admin_->close_now();
    gateway_->retire();
    serve_the_rest(time_.now() + late_requests);
}

void Up::serve_the_rest(common::Instant not_before) {
    if (signals_seen_ > 0) return;  // it ends in that way
    const bool more = std::any_of(runners_.begin(), runners_.end(),
                                  [](const auto& runner) { return runner->has_requests(); });
    if (more || time_.now() < not_before) {
        end_timer_->arm(time_.now() + drain_step,
                        [this, not_before] { serve_the_rest(not_before); });
        return;
    }
    gateway_->shut_down();
    drain(time_.now() + drain_max);
}

void Up::drain(common::Instant deadline) {
    const common::Instant now = time_.now();
    const bool busy = std::any_of(runners_.begin(), runners_.end(),
                                  [](const auto& runner) { return runner->busy(); });
    if (!busy || now >= deadline) {
        for (const auto& runner : runners_)
            runner->stop_all();
        stop_pods(now + stop_max);
        return;
    }
    end_timer_->arm(now + drain_step, [this, deadline] { drain(deadline); });
}

void Up::stop_pods(common::Instant deadline) {
    const common::Instant now = time_.now();
    const bool gone = std::all_of(runners_.begin(), runners_.end(),
                                  [](const auto& runner) { return runner->empty(); });
    if (gone || now >= deadline) {
        if (!gone) runtime_->kill_all();
        finish();
        return;
    }
    end_timer_->arm(now + std::chrono::milliseconds(20), [this, deadline] { stop_pods(deadline); });
}

void Up::finish() {
    finished_ = true;
    end_timer_->disarm();
    progress_timer_->disarm();
    signals_.cancel();
    predecessor_.close();
    handover_.close();
    if (certificates_) certificates_->stop();
    for (const auto& runner : runners_)
        runner->end();
    // Requests that still run are cut off: their clients are told by the closed connection.
    gateway_->close_now(exit_code_ == 0);
    admin_->close_now();
}

}  // namespace

int run_up(const UpOptions& options) {
    std::signal(SIGPIPE, SIG_IGN);
    ServiceFile file = read_service_file(options.file);
    if (print_problems(options, file)) return 1;
    common::LogConfig log;
    log.program = "sluice";
    log.format = options.log.format;
    common::configure_log(std::move(log));
    activator::HandoverClaim claim;
    if (!options.handover_file.empty())
        claim = activator::claim_handover(options.handover_file, options.listen, options.admin);
    if (!claim.problem.empty()) {
        common::log_start_failed("--handover " + options.handover_file + ": " + claim.problem);
        return 1;
    }
    return std::make_unique<Up>(options, std::move(file), std::move(claim))->run();
}

}  // namespace sluice
