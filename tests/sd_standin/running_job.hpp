// How far is the running job, and has somebody asked to end it?
//
// This is the web UI's "shared.state": one per process, no job id. Progress and interrupt act on
// whatever runs at that moment; a request to end something while nothing runs has no effect,
// because the next job's begin() clears it. Working is waiting on a condition variable, so it
// costs no CPU and ends at once when asked; sampling steps are computed from the time that passed.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>

namespace standin {

using Clock = std::chrono::steady_clock;

class RunningJob {
  public:
    struct Progress {
        std::string job;  // empty: nothing runs
        std::int64_t job_count = 0;
        std::int64_t job_no = 0;
        std::int64_t sampling_step = 0;
        std::int64_t sampling_steps = 0;
        double progress = 0;  // 0 to 1 over all iterations
        std::chrono::duration<double> remaining{};
        bool interrupted = false;
        bool skipped = false;
    };
    enum class Ended { completed, skipped, interrupted };
    struct Worked {
        Ended ended = Ended::completed;
        double fraction = 1;  // of this iteration
    };

    // `per_iteration` is what each of `iterations` calls of work() is expected to take in all.
    void begin(std::string job, std::int64_t iterations, std::int64_t steps,
               Clock::duration per_iteration);
    // One iteration that began at `started`: waits until it has taken its time, or is ended early.
    Worked work(Clock::time_point started);
    void end();

    void interrupt();  // ends the job
    void skip();       // ends the present iteration
    Progress progress_at(Clock::time_point now) const;

  private:
    double fraction_at(Clock::time_point now) const;

    mutable std::mutex mutex_;
    std::condition_variable asked_;
    std::string job_;
    std::int64_t iterations_ = 0;
    std::int64_t done_ = 0;
    std::int64_t steps_ = 0;
    Clock::duration per_iteration_{};
    Clock::time_point started_;
    bool interrupted_ = false;
    bool skipped_ = false;
};

}  // namespace standin
