// The lock and its counts, progress and interrupt, service times. Threads are waited for by
// looking at the counts until they say what they must, with a deadline.
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/sd_standin/job_lock.hpp"
#include "tests/sd_standin/running_job.hpp"
#include "tests/sd_standin/service_time.hpp"

namespace {

using namespace std::chrono_literals;
using standin::JobLock;
using standin::RunningJob;

bool becomes_true(const std::function<bool()>& condition) {
    const auto deadline = standin::Clock::now() + 20s;
    while (!condition()) {
        if (standin::Clock::now() > deadline) return false;
        std::this_thread::sleep_for(1ms);
    }
    return true;
}

}  // namespace

TEST_CASE("job lock: counts who waits as well as who holds", "[sd_standin]") {
    JobLock lock;
    auto holder = std::make_unique<JobLock::Visit>(lock);
    REQUIRE(holder->is_record());
    REQUIRE(holder->hold());
    std::atomic<int> held{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            JobLock::Visit visit(lock);
            if (visit.hold()) ++held;
        });
    }
    const bool all_inside = becomes_true([&] { return lock.counts().inside_now == 5; });
    const int held_before_release = held;
    const JobLock::Counts counts = lock.counts();
    holder.reset();
    for (std::thread& thread : threads)
        thread.join();
    REQUIRE(all_inside);
    REQUIRE(held_before_release == 0);
    REQUIRE(counts.holding_now == 1);
    REQUIRE(held == 4);
    REQUIRE(lock.counts().inside_now == 0);
    REQUIRE(lock.counts().inside_max == 5);
    REQUIRE(lock.counts().holding_max == 1);
    lock.reset_maxima();
    REQUIRE(lock.counts().inside_max == 0);
    REQUIRE(JobLock::Visit(lock).is_record());
}

TEST_CASE("job lock: is granted in the order of asking", "[sd_standin]") {
    JobLock lock;
    auto holder = std::make_unique<JobLock::Visit>(lock);
    REQUIRE(holder->hold());
    std::mutex mutex;
    std::vector<int> order;
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&, i] {
            JobLock::Visit visit(lock);
            visit.hold();
            const std::lock_guard guard(mutex);
            order.push_back(i);
        });
        // The next thread starts only after this one entered; then give it time to queue.
        REQUIRE(
            becomes_true([&] { return lock.counts().inside_now == static_cast<unsigned>(i) + 2; }));
        std::this_thread::sleep_for(20ms);
    }
    holder.reset();
    for (std::thread& thread : threads)
        thread.join();
    REQUIRE(order == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7});
}

TEST_CASE("job lock: closing refuses who waits and spares who holds", "[sd_standin]") {
    JobLock lock;
    auto holder = std::make_unique<JobLock::Visit>(lock);
    REQUIRE(holder->hold());
    std::atomic<int> refused{0};
    std::thread waiter([&] {
        JobLock::Visit visit(lock);
        if (!visit.hold()) ++refused;
    });
    const bool is_inside = becomes_true([&] { return lock.counts().inside_now == 2; });
    lock.close();
    waiter.join();
    REQUIRE(is_inside);
    REQUIRE(refused == 1);
    REQUIRE(lock.counts().holding_now == 1);
    holder.reset();
    REQUIRE(lock.counts().holding_now == 0);
    JobLock::Visit late(lock);
    REQUIRE_FALSE(late.hold());
}

TEST_CASE("job lock: under contention at most one holds and none is lost", "[sd_standin]") {
    JobLock lock;
    std::atomic<int> inside{0};
    std::atomic<int> most{0};
    std::atomic<int> served{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 16; ++i) {
        threads.emplace_back([&] {
            for (int k = 0; k < 200; ++k) {
                JobLock::Visit visit(lock);
                if (!visit.hold()) return;
                most = std::max(most.load(), ++inside);
                ++served;
                --inside;
            }
        });
    }
    for (std::thread& thread : threads)
        thread.join();
    REQUIRE(served == 3200);
    REQUIRE(most == 1);
    REQUIRE(lock.counts().holding_max == 1);
}

TEST_CASE("running job: progress follows the clock over all iterations", "[sd_standin]") {
    RunningJob job;
    REQUIRE(job.progress_at(standin::Clock::now()).progress == 0);
    job.begin("scripts_txt2img", 2, 20, 3600s);
    const auto now = standin::Clock::now();
    const RunningJob::Progress early = job.progress_at(now + 900s);
    REQUIRE(early.job == "scripts_txt2img");
    REQUIRE(early.job_count == 2);
    REQUIRE(early.job_no == 0);
    REQUIRE(early.sampling_step == 5);
    REQUIRE(early.sampling_steps == 20);
    REQUIRE(early.progress == Approx(0.125).margin(0.001));
    REQUIRE(early.remaining.count() == Approx(6300).margin(5));
    REQUIRE(job.progress_at(now + 9000s).progress == Approx(0.5));
    job.end();
    REQUIRE(job.progress_at(now).job.empty());
}

TEST_CASE("running job: an interrupt ends it at once and begin clears it", "[sd_standin]") {
    RunningJob job;
    job.interrupt();  // nothing runs: no effect on the next job
    job.begin("scripts_txt2img", 1, 20, 1ms);
    REQUIRE(job.work(standin::Clock::now()).ended == RunningJob::Ended::completed);
    job.end();

    job.begin("scripts_txt2img", 1, 20, 24h);
    std::thread other([&] { job.interrupt(); });
    const RunningJob::Worked worked = job.work(standin::Clock::now());
    other.join();
    REQUIRE(worked.ended == RunningJob::Ended::interrupted);
    REQUIRE(worked.fraction < 0.1);
    REQUIRE(job.progress_at(standin::Clock::now()).interrupted);
}

TEST_CASE("running job: skip ends one iteration, not the next", "[sd_standin]") {
    RunningJob job;
    job.begin("scripts_txt2img", 2, 20, 50ms);
    job.skip();
    REQUIRE(job.work(standin::Clock::now()).ended == RunningJob::Ended::skipped);
    REQUIRE(job.work(standin::Clock::now()).ended == RunningJob::Ended::completed);
}

TEST_CASE("running job: work that is over already is not waited for", "[sd_standin]") {
    RunningJob job;
    job.begin("scripts_txt2img", 1, 20, 1h);
    const auto worked = job.work(standin::Clock::now() - 2h);
    REQUIRE(worked.ended == RunningJob::Ended::completed);
    REQUIRE(worked.fraction == 1);
}

TEST_CASE("service time: constant per image, or per step", "[sd_standin]") {
    standin::Options options;
    REQUIRE(standin::ServiceTime(options).draw(20) == 1s);
    options.service_ms = 0;
    REQUIRE(standin::ServiceTime(options).draw(20) == 0ms);
    options.service_ms = -1;
    options.step_ms = 50;
    REQUIRE(standin::ServiceTime(options).draw(30) == 1500ms);
}

TEST_CASE("service time: lognormal keeps the mean and follows the seed", "[sd_standin]") {
    standin::Options options;
    options.service_ms = 1000;
    options.lognormal_sigma = 0.5;
    options.seed = 42;
    standin::ServiceTime first(options);
    standin::ServiceTime second(options);
    double total_ms = 0;
    int above = 0;
    for (int i = 0; i < 20000; ++i) {
        const auto drawn = first.draw(20);
        REQUIRE(drawn == second.draw(20));
        total_ms += static_cast<double>(drawn.count()) / 1e6;
        above += drawn > 1s ? 1 : 0;
    }
    REQUIRE(total_ms / 20000 == Approx(1000).epsilon(0.03));
    REQUIRE(above / 20000.0 == Approx(0.401).margin(0.03));  // P(N > sigma/2)
}
