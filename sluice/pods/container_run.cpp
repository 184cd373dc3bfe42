#include "sluice/pods/container_run.hpp"

#include <signal.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <utility>

#include <nlohmann/json.hpp>

#include "sluice/pods/exit_status.hpp"
#include "sluice/pods/process_tree.hpp"

namespace sluice {
namespace {

using Json = nlohmann::json;

// How long the end of a container's log may come after the container's own.
constexpr common::Duration log_end_patience = std::chrono::seconds(2);
// 128 + n is how a container's exit code tells signal n.
constexpr int signal_exit_base = 128;
constexpr const char* ended_unwanted = "it was stopped before it ran";

Json parse(const std::string& text) {
    return Json::parse(text, nullptr, false);
}

std::string exit_text(int code) {
    if (code <= signal_exit_base || code > signal_exit_base + SIGRTMAX) return describe({code, 0});
    std::string text = describe({0, code - signal_exit_base});
    if (code == signal_exit_base + SIGKILL) text += ": out of memory, or killed by someone";
    return text;
}

}  // namespace

ContainerRun::ContainerRun(common::TimeSource& time, const DockerClient& client, PodLog& log,
                           ContainerPlan plan, std::string name)
    : time_(time),
      client_(client),
      log_(log),
      plan_(std::move(plan)),
      name_(std::move(name)),
      log_patience_(time.make_timer()) {}

ContainerRun::~ContainerRun() = default;

void ContainerRun::launch(News news) {
    news_ = std::move(news);
    create(true);
}

void ContainerRun::create(bool may_pull) {
    const DockerRequest request{"POST", "/containers/create?name=" + name_, container_json(plan_)};
    step_ = client_.call(request,
                         [this, may_pull](const DockerReply& reply) { created(reply, may_pull); });
}

void ContainerRun::created(const DockerReply& reply, bool may_pull) {
    if (reply.good()) return start();
    if (unwanted_) return remove_and_tell(ended_unwanted, false);
    if (reply.status == 404 && may_pull) return pull();
    std::string reason = "cannot create a container: " + reply.reason();
    if (reply.status == 404)
        reason = "the image " + plan_.spec.image + " is not on this machine and cannot be pulled" +
                 (pull_error_.empty() ? "" : " (" + pull_error_ + ")") + "; try docker pull " +
                 plan_.spec.image;
    remove_and_tell(reason, false);
}

void ContainerRun::pull() {
    pulling_ = true;
    log_.line("", "(sluice: pulling the image " + plan_.spec.image + ")");
    const ImageName image = split_image(plan_.spec.image);
    std::string target = "/images/create?fromImage=" + percent_encode(image.name);
    if (!image.tag.empty()) target += "&tag=" + percent_encode(image.tag);
    step_ = client_.call({"POST", target, {}}, [this](const DockerReply& reply) {
        pulling_ = false;
        if (!reply.good()) pull_error_ = reply.reason();
        // An error after the first byte stands in the last line of the progress.
        const std::size_t last = reply.body.find_last_not_of("\r\n");
        const std::size_t line = last == std::string::npos ? 0 : reply.body.rfind('\n', last) + 1;
        const Json progress = parse(reply.body.substr(line));
        if (progress.is_object() && progress.contains("error") && progress["error"].is_string())
            pull_error_ = progress["error"].get<std::string>();
        create(false);
    });
}

void ContainerRun::start() {
    if (unwanted_) return remove_and_tell(ended_unwanted, false);
    step_ = client_.call({"POST", path("/start"), {}}, [this](const DockerReply& reply) {
        if (!reply.good())
            return remove_and_tell("cannot start a container: " + reply.reason(), false);
        started();
    });
}

void ContainerRun::started() {
    runs_ = true;
    inspect_ = client_.call({"GET", path("/json"), {}},
                            [this](const DockerReply& reply) { inspected(reply); });
    follow();
    wait();
    if (unwanted_) kill();
    news_.on_started();
}

void ContainerRun::inspected(const DockerReply& reply) {
    inspected_ = true;
    const Json info = parse(reply.body);
    if (!info.is_object() || !info.contains("State") || !info["State"].is_object()) return;
    const int pid = info["State"].value("Pid", 0);
    // An engine in a virtual machine numbers its processes otherwise: the control group tells.
    std::ifstream file("/proc/" + std::to_string(pid) + "/cgroup");
    const std::string groups(std::istreambuf_iterator<char>(file), {});
    const std::string id = info.value("Id", "");
    if (!id.empty() && groups.find(id) != std::string::npos) pid_ = pid;
}

void ContainerRun::follow() {
    const auto tell = [this](std::string_view line) { log_.line("", line); };
    const auto split = [this, tell](std::string_view bytes) { lines_.feed(bytes, tell); };
    follow_ = client_.call(
        {"GET", path("/logs?follow=1&stdout=1&stderr=1"), {}},
        [this, tell](const DockerReply&) {
            lines_.finish(tell);
            log_done_ = true;
            if (exited_) remove_and_tell(exit_reason_, true);
        },
        [this, split](std::string_view bytes) { frames_.feed(bytes, split); });
}

void ContainerRun::wait() {
    step_ = client_.call({"POST", path("/wait"), {}},
                         [this](const DockerReply& reply) { waited(reply); });
}

void ContainerRun::waited(const DockerReply& reply) {
    runs_ = false;
    exited_ = true;
    const Json result = parse(reply.body);
    exit_reason_ = reply.good() && result.is_object() ? exit_text(result.value("StatusCode", 0))
                                                      : "lost sight of it: " + reply.reason();
    if (log_done_) return remove_and_tell(exit_reason_, true);
    // Its last words first, if they come.
    log_patience_->arm(time_.now() + log_end_patience, [this] {
        follow_.reset();
        remove_and_tell(exit_reason_, true);
    });
}

void ContainerRun::remove_and_tell(std::string reason, bool ran) {
    log_patience_->disarm();
    const auto finish = [this, reason = std::move(reason), ran](const DockerReply& reply) {
        if (reply.status != 0 && !reply.good() && reply.status != 404)
            log_.line("", "(sluice: cannot remove the container: " + reply.reason() + ")");
        const News told = std::move(news_);  // a callback may destroy this run
        if (ran) return told.on_exited(reason);
        told.on_failed(reason);
    };
    step_ = client_.call({"DELETE", path("?force=1&v=1"), {}}, finish);
}

void ContainerRun::terminate() {
    if (!runs_) return give_up();
    // The image's own stop signal; -1: the engine waits for ever, our caller has the grace period.
    order_ = client_.call({"POST", path("/stop?t=-1"), {}}, [](const DockerReply&) {});
}

void ContainerRun::kill() {
    if (!runs_) return give_up();
    order_ = client_.call({"POST", path("/kill"), {}}, [](const DockerReply&) {});
}

void ContainerRun::give_up() {
    unwanted_ = true;
    // A pull may last; the steps before and after it do not.
    if (std::exchange(pulling_, false)) remove_and_tell(ended_unwanted, false);
}

bool ContainerRun::kill_and_wait(int milliseconds) {
    step_.reset();
    follow_.reset();
    inspect_.reset();
    order_.reset();
    log_patience_->disarm();
    if (!news_.on_exited) return true;  // it is gone already
    news_ = {};
    const DockerReply reply = docker_call_and_wait(
        client_.socket(), {"DELETE", path("?force=1&v=1"), {}}, std::max(1, milliseconds / 1000));
    return reply.good() || reply.status == 404;
}

Run::OpenPorts ContainerRun::open_ports() const {
    OpenPorts open;
    if (!runs_) return open;
    if (plan_.host_network) {
        open.own = listening_ports().contains(plan_.host_port);
        return open;
    }
    if (!inspected_) return open;
    open.own = true;
    if (pid_ == 0) return open;
    // The port forwarder accepts before the application does, so the container's own network is
    // looked at, where it can be.
    const auto inside = listening_ports(std::to_string(pid_));
    open.own = !inside || inside->contains(plan_.spec.container_port);
    return open;
}

}  // namespace sluice
