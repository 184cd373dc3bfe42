// One txt2img or img2img, from body to answer: count, wait for the lock, work, draw, reply.
//
// The service time includes the drawing. A client that leaves changes nothing: its job runs to the
// end, as in the web UI; only interrupt and skip end one early, and then the picture so far is the
// answer, with status 200.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/sd_standin/generation_request.hpp"
#include "tests/sd_standin/http.hpp"
#include "tests/sd_standin/job_lock.hpp"
#include "tests/sd_standin/running_job.hpp"
#include "tests/sd_standin/service_time.hpp"
#include "tests/sd_standin/stats.hpp"

namespace standin {

class Generation {
  public:
    // All outlive this.
    Generation(JobLock& lock, RunningJob& job, ServiceTime& service_time, Stats& stats);

    // Blocks for the whole job. `client_left` is asked once, after the work. Does not return when
    // the request asks for a crash.
    Response generate(const std::string& kind, const Request& request,
                      const std::function<bool()>& client_left);

  private:
    struct Wishes {  // of the query
        std::int64_t total_ms = -1;
        std::int64_t fail_status = 0;
        Crash crash = Crash::never;
    };
    struct Finished {
        std::vector<std::string> images;  // base64
        std::string outcome = "completed";
    };

    static std::variant<Wishes, BadRequest> read_wishes(const Request& request);
    Finished work(const GenerationRequest& request, const Wishes& wishes);

    JobLock& lock_;
    RunningJob& job_;
    ServiceTime& service_time_;
    Stats& stats_;
};

}  // namespace standin
