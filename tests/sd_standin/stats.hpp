// What has happened here? Counters for tests and benches, on /standin/stats and in a file.
//
// The file is replaced by rename, at each record of at_once_max and at each begin and end of a job,
// so a reader never sees half of one and SIGKILL loses nothing. Recent jobs are kept (bounded), so
// that a test can tell whether any prompt ran twice.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>

#include "tests/sd_standin/job_lock.hpp"

namespace standin {

class Stats {
  public:
    // `lock` outlives the stats. `file` may be empty.
    Stats(const JobLock& lock, std::string file);

    // Returns the number of the job, from 1.
    std::uint64_t job_started(std::string_view kind, std::string_view prompt);
    // `outcome`: "completed", "interrupted", "skipped" or "failed".
    void job_finished(std::uint64_t number, std::string_view outcome);
    void client_disconnected() { ++disconnected_; }
    void request_read() { ++requests_; }
    void model_ready();
    void reset();

    std::string stats_json() const;
    std::string jobs_json() const;
    // Says so once on stderr when the file cannot be written; never fails otherwise.
    void save();

  private:
    struct Job {
        std::uint64_t number;
        std::string kind;
        std::string prompt;
        double started_at;
        double finished_at;
        std::string outcome;
    };

    const JobLock& lock_;
    const std::string file_;
    const double process_started_at_;
    std::atomic<double> model_ready_at_{0};
    std::atomic<std::uint64_t> requests_{0};
    std::atomic<std::uint64_t> disconnected_{0};
    mutable std::mutex mutex_;  // guards what follows
    std::uint64_t last_number_ = 0;
    std::uint64_t started_ = 0;
    std::uint64_t finished_ = 0;
    std::uint64_t interrupted_ = 0;
    std::uint64_t skipped_ = 0;
    std::deque<Job> jobs_;
    std::mutex file_mutex_;
    bool complained_ = false;  // guarded by file_mutex_
};

}  // namespace standin
