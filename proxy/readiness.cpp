#include "proxy/readiness.hpp"

#include <algorithm>
#include <utility>

#include "common/async/sleep.hpp"
#include "common/log/log.hpp"
#include "proxy/try_probe.hpp"

namespace proxy {

using common::awaitable;

Readiness::Readiness(common::TaskGroup& tasks, common::TimeSource& time, Options options)
    : tasks_(tasks), time_(time), options_(std::move(options)) {
    for (const ProbeSpec& spec : options_.probes) {
        const ProbePolicy::Rules rules{spec.period, spec.timeout, spec.success_threshold};
        probes_.push_back(std::make_unique<Probe>(Probe{spec, ProbePolicy(rules)}));
    }
}

Readiness::~Readiness() = default;

awaitable<bool> Readiness::ask() {
    if (closed_) co_return false;
    if (probes_.empty()) co_return true;
    Asker asker(tasks_.executor());
    askers_.push_back(&asker);
    if (running_ == 0) start();
    while (!asker.done)
        co_await asker.answered.wait();
    co_return asker.ready;
}

void Readiness::start() {
    all_ready_ = true;
    running_ = probes_.size();  // first: a run may end before spawn() returns
    for (const auto& probe : probes_) {
        probe->policy.ask(time_.now());
        if (!tasks_.spawn("readiness", run(*probe))) ended(false);
    }
}

awaitable<void> Readiness::run(Probe& probe) {
    const TryProbeOptions options{time_, tls_, options_.detect_http2};
    while (!closed_) {
        const ProbePolicy::Step step = probe.policy.step(time_.now());
        if (step == ProbePolicy::Step::attempt) {
            const ProbeResult result =
                co_await try_probe(options, probe.spec.handler, probe.policy.try_timeout());
            if (result.connected && options_.cold_start != nullptr)
                options_.cold_start->saw_port_open(time_.now());
            probe.policy.tried(result.passed, result.error, time_.now());
        } else if (step == ProbePolicy::Step::wait) {
            const Duration left = probe.policy.next_deadline() - time_.now();
            co_await common::sleep_for(time_, left);
        } else {
            const std::string summary = probe.policy.summary();
            if (!summary.empty())
                common::log_warning("probe_failed", summary, {{"probe", "readiness"}});
            ended(step == ProbePolicy::Step::ready);
            co_return;
        }
    }
    ended(false);
}

void Readiness::ended(bool ready) {
    if (!ready) all_ready_ = false;
    if (--running_ > 0) return;
    if (all_ready_ && options_.cold_start != nullptr) options_.cold_start->saw_ready(time_.now());
    for (Asker* asker : std::exchange(askers_, {})) {
        asker->ready = all_ready_ && !closed_;
        asker->done = true;
        asker->answered.notify();
    }
}

void Readiness::close() {
    closed_ = true;
    for (Asker* asker : std::exchange(askers_, {})) {
        asker->done = true;
        asker->answered.notify();
    }
}

}  // namespace proxy
