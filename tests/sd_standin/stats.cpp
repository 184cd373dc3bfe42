// See the header. Times are seconds since the epoch, as in the web UI's own answers.
#include "tests/sd_standin/stats.hpp"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <utility>

#include <nlohmann/json.hpp>

namespace standin {
namespace {

using nlohmann::json;

constexpr std::size_t most_jobs = 1000;
constexpr std::size_t longest_prompt = 200;

double seconds_since_epoch() {
    const std::chrono::duration<double> passed =
        std::chrono::system_clock::now().time_since_epoch();
    return passed.count();
}

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

std::string pod_name() {
    for (const char* name : {"POD_NAME", "HOSTNAME"}) {
        if (std::string value = variable(name); !value.empty()) return value;
    }
    char host[256] = {};
    gethostname(host, sizeof host - 1);
    return host;
}

std::string dumped(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

json time_or_null(double seconds) {
    return seconds > 0 ? json(seconds) : json(nullptr);
}

}  // namespace

Stats::Stats(const JobLock& lock, std::string file)
    : lock_(lock), file_(std::move(file)), process_started_at_(seconds_since_epoch()) {}

std::uint64_t Stats::job_started(std::string_view kind, std::string_view prompt) {
    std::uint64_t number = 0;
    {
        const std::lock_guard guard(mutex_);
        number = ++last_number_;
        ++started_;
        jobs_.push_back({number, std::string(kind), std::string(prompt.substr(0, longest_prompt)),
                         seconds_since_epoch(), 0, "running"});
        if (jobs_.size() > most_jobs) jobs_.pop_front();
    }
    save();
    return number;
}

void Stats::job_finished(std::uint64_t number, std::string_view outcome) {
    {
        const std::lock_guard guard(mutex_);
        ++finished_;
        if (outcome == "interrupted") ++interrupted_;
        if (outcome == "skipped") ++skipped_;
        for (Job& job : jobs_) {
            if (job.number != number) continue;
            job.finished_at = seconds_since_epoch();
            job.outcome = outcome;
        }
    }
    save();
}

void Stats::model_ready() {
    model_ready_at_ = seconds_since_epoch();
    save();
}

void Stats::reset() {
    {
        const std::lock_guard guard(mutex_);
        started_ = finished_ = interrupted_ = skipped_ = 0;
        jobs_.clear();
    }
    requests_ = 0;
    disconnected_ = 0;
    save();
}

std::string Stats::stats_json() const {
    const JobLock::Counts counts = lock_.counts();
    json stats = {{"at_once_max", counts.inside_max},
                  {"inside_now", counts.inside_now},
                  {"holding_max", counts.holding_max},
                  {"holding_now", counts.holding_now},
                  {"requests", requests_.load()},
                  {"disconnected", disconnected_.load()},
                  {"pid", getpid()},
                  {"pod", pod_name()},
                  {"revision", variable("K_REVISION")},
                  {"service", variable("K_SERVICE")},
                  {"cuda_visible_devices", variable("CUDA_VISIBLE_DEVICES")},
                  {"process_started_at", process_started_at_},
                  {"model_ready_at", time_or_null(model_ready_at_)}};
    const std::lock_guard guard(mutex_);
    stats["started"] = started_;
    stats["finished"] = finished_;
    stats["interrupted"] = interrupted_;
    stats["skipped"] = skipped_;
    return dumped(stats);
}

std::string Stats::jobs_json() const {
    const std::lock_guard guard(mutex_);
    json list = json::array();
    for (const Job& job : jobs_) {
        list.push_back({{"number", job.number},
                        {"kind", job.kind},
                        {"prompt", job.prompt},
                        {"started_at", job.started_at},
                        {"finished_at", time_or_null(job.finished_at)},
                        {"outcome", job.outcome}});
    }
    return dumped(list);
}

void Stats::save() {
    if (file_.empty()) return;
    const std::lock_guard guard(file_mutex_);
    const std::string text = stats_json() + "\n";
    const std::string part = file_ + ".part." + std::to_string(getpid());
    std::ofstream out(part, std::ios::trunc);
    out << text;
    out.close();
    if ((!out || std::rename(part.c_str(), file_.c_str()) != 0) && !complained_) {
        complained_ = true;
        std::remove(part.c_str());
        std::fprintf(stderr, "sd-standin: cannot write --stats-file %s\n", file_.c_str());
    }
}

}  // namespace standin
