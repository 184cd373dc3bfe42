// See the header. Flags survive end() so that a late look at the progress still tells what
// happened, as the web UI does; begin() clears them.
#include "tests/sd_standin/running_job.hpp"

#include <algorithm>
#include <utility>

namespace standin {

void RunningJob::begin(std::string job, std::int64_t iterations, std::int64_t steps,
                       Clock::duration per_iteration) {
    const std::lock_guard guard(mutex_);
    job_ = std::move(job);
    iterations_ = iterations;
    done_ = 0;
    steps_ = steps;
    per_iteration_ = per_iteration;
    started_ = Clock::now();
    interrupted_ = false;
    skipped_ = false;
}

RunningJob::Worked RunningJob::work(Clock::time_point started) {
    std::unique_lock guard(mutex_);
    started_ = started;
    const auto deadline = started + per_iteration_;
    asked_.wait_until(guard, deadline, [&] { return interrupted_ || skipped_; });
    Worked worked;
    if (interrupted_ || skipped_) {
        worked.ended = interrupted_ ? Ended::interrupted : Ended::skipped;
        worked.fraction = fraction_at(Clock::now());
    }
    skipped_ = false;
    ++done_;
    return worked;
}

void RunningJob::end() {
    const std::lock_guard guard(mutex_);
    job_.clear();
    iterations_ = 0;
    done_ = 0;
}

void RunningJob::interrupt() {
    const std::lock_guard guard(mutex_);
    interrupted_ = true;
    asked_.notify_all();
}

void RunningJob::skip() {
    const std::lock_guard guard(mutex_);
    skipped_ = true;
    asked_.notify_all();
}

double RunningJob::fraction_at(Clock::time_point now) const {
    if (per_iteration_ <= Clock::duration::zero()) return 1;
    const std::chrono::duration<double> passed = now - started_;
    return std::clamp(passed / per_iteration_, 0.0, 1.0);
}

RunningJob::Progress RunningJob::progress_at(Clock::time_point now) const {
    const std::lock_guard guard(mutex_);
    Progress progress;
    progress.job = job_;
    progress.interrupted = interrupted_;
    progress.skipped = skipped_;
    progress.sampling_steps = steps_;
    if (iterations_ == 0) return progress;
    const bool all_done = done_ >= iterations_;
    const double fraction = all_done ? 0 : fraction_at(now);
    const double passed = static_cast<double>(done_) + fraction;
    progress.job_count = iterations_;
    progress.job_no = done_;
    progress.sampling_step = static_cast<std::int64_t>(fraction * static_cast<double>(steps_));
    progress.progress = std::min(1.0, passed / static_cast<double>(iterations_));
    progress.remaining =
        (static_cast<double>(iterations_) - passed) * std::chrono::duration<double>(per_iteration_);
    return progress;
}

}  // namespace standin
