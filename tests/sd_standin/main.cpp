// sd-standin: start, "load the model", serve, end. See README.md for every flag and endpoint.
//
// Signals are taken by this thread only, with sigtimedwait: it is also how it waits. On SIGTERM or
// SIGINT no further connection is accepted, the running job gets up to five seconds to finish and
// be answered, and the process ends with 0; a second signal ends it at once.
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "tests/sd_standin/endpoints.hpp"
#include "tests/sd_standin/options.hpp"
#include "tests/sd_standin/server.hpp"

namespace {

constexpr int grace_ms = 5000;
constexpr int grace_step_ms = 5;

// True: a signal came within that time. Negative: waits for ever.
bool signal_within(const sigset_t& signals, std::int64_t ms) {
    const timespec time{ms / 1000, ms % 1000 * 1'000'000};
    return sigtimedwait(&signals, nullptr, ms < 0 ? nullptr : &time) > 0;
}

int complain(const std::string& problem) {
    std::fprintf(stderr, "sd-standin: %s\n", problem.c_str());
    return 1;
}

// Ends without destructors: other threads still use what they would destroy.
[[noreturn]] void end(standin::Endpoints& endpoints) {
    endpoints.stats().save();
    std::fflush(nullptr);
    _exit(0);
}

void become_ready(const standin::Options& options, standin::Endpoints& endpoints) {
    endpoints.set_ready();
    std::printf("Model loaded in %.1fs.\n",
                static_cast<double>(options.startup_ms + options.ready_ms) / 1000);
    std::fflush(stdout);
}

int run(const standin::Options& options, const sigset_t& signals) {
    // Static and never destroyed: threads use them until end().
    static auto& endpoints = *new standin::Endpoints(options);
    static auto& server = *new standin::Server(options, endpoints);
    if (const std::string problem = server.bind(); !problem.empty()) return complain(problem);
    std::printf("Loading weights [standin]: no model, pictures are drawn from prompt and seed\n");
    std::fflush(stdout);
    if (signal_within(signals, options.startup_ms)) end(endpoints);
    // Without --ready-ms, who can connect is answered: ready comes first, then the open port.
    if (options.ready_ms == 0) become_ready(options, endpoints);
    if (const std::string problem = server.open(); !problem.empty()) return complain(problem);
    std::printf("Running on local URL:  %s\n", server.url().c_str());
    std::fflush(stdout);
    bool stopped = options.ready_ms > 0 && signal_within(signals, options.ready_ms);
    if (options.ready_ms > 0 && !stopped) become_ready(options, endpoints);
    while (!stopped)
        stopped = signal_within(signals, -1);
    server.stop_accepting();
    endpoints.close();
    for (int waited = 0; waited < grace_ms && server.unanswered() > 0; waited += grace_step_ms) {
        if (signal_within(signals, grace_step_ms)) break;
    }
    end(endpoints);
}

}  // namespace

int main(int argc, char** argv) {
    const auto parsed =
        standin::parse_options(argc, argv, [](const char* name) { return std::getenv(name); });
    if (!parsed.options) {
        std::fprintf(parsed.exit_status == 0 ? stdout : stderr, "%s\n", parsed.message.c_str());
        return parsed.exit_status;
    }
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    signal(SIGPIPE, SIG_IGN);
    return run(*parsed.options, signals);
}
