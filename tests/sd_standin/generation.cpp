// See the header. Pictures are drawn before the wait, so that the wait can be shortened by exactly
// what the drawing took; an iteration that was ended early is drawn again, unfinished.
#include "tests/sd_standin/generation.hpp"

#include <unistd.h>

#include <cstdio>
#include <random>
#include <thread>
#include <utility>

#include <nlohmann/json.hpp>

#include "tests/sd_standin/base64.hpp"
#include "tests/sd_standin/picture.hpp"

namespace standin {
namespace {

using nlohmann::json;

constexpr int exit_crashed = 86;
constexpr std::int64_t a_day_ms = 86'400'000;
constexpr std::uint32_t largest_seed = 0xffffffff;  // the web UI's range for random seeds

[[noreturn]] void crash() {
    std::fputs("sd-standin: crashing, as a request asked\n", stderr);
    _exit(exit_crashed);
}

std::int64_t random_seed() {
    std::random_device device;
    return device() & largest_seed;
}

BadRequest query_error(const std::string& name, const std::string& message) {
    const json detail = {{"loc", {"query", name}}, {"msg", message}, {"type", "value_error"}};
    return {422, json({{"detail", json::array({detail})}}).dump()};
}

std::string infotext(const GenerationRequest& request, std::int64_t seed) {
    std::string text = request.prompt + "\n";
    if (!request.negative_prompt.empty()) {
        text += "Negative prompt: " + request.negative_prompt + "\n";
    }
    return text + "Steps: " + std::to_string(request.steps) + ", Seed: " + std::to_string(seed) +
           ", Size: " + std::to_string(request.width) + "x" + std::to_string(request.height) +
           ", Model: standin";
}

std::vector<std::string> draw_batch(const GenerationRequest& request, std::int64_t iteration,
                                    double finished) {
    std::vector<std::string> images;
    for (std::int64_t i = 0; i < request.batch_size; ++i) {
        Picture picture;
        picture.prompt = request.prompt;
        picture.seed = request.seed + iteration * request.batch_size + i;
        picture.source = request.source;
        picture.width = static_cast<std::uint32_t>(request.width);
        picture.height = static_cast<std::uint32_t>(request.height);
        picture.finished = finished;
        picture.parameters = infotext(request, picture.seed);
        images.push_back(encode_base64(draw_png(picture)));
    }
    return images;
}

std::string info_json(const GenerationRequest& request, std::size_t images) {
    json seeds = json::array();
    json prompts = json::array();
    json infotexts = json::array();
    for (std::size_t i = 0; i < images; ++i) {
        const std::int64_t seed = request.seed + static_cast<std::int64_t>(i);
        seeds.push_back(seed);
        prompts.push_back(request.prompt);
        infotexts.push_back(infotext(request, seed));
    }
    return json({{"prompt", request.prompt},
                 {"negative_prompt", request.negative_prompt},
                 {"seed", request.seed},
                 {"all_seeds", seeds},
                 {"all_prompts", prompts},
                 {"infotexts", infotexts},
                 {"steps", request.steps},
                 {"width", request.width},
                 {"height", request.height},
                 {"cfg_scale", request.cfg_scale},
                 {"sampler_name", request.sampler_name},
                 {"batch_size", request.batch_size},
                 {"sd_model_name", "standin"}})
        .dump();
}

// Base64 needs no JSON escaping, so megabytes of it are not sent through the JSON library.
std::string reply_json(const GenerationRequest& request, const std::vector<std::string>& images) {
    std::string body = "{\"images\":[";
    if (request.send_images) {
        for (const std::string& image : images) {
            if (body.back() != '[') body += ',';
            body += '"' + image + '"';
        }
    }
    body += "],\"parameters\":" + request.parameters;
    body += ",\"info\":" + json(info_json(request, images.size())).dump() + "}";
    return body;
}

Response as_response(BadRequest bad) {
    Response response;
    response.status = bad.status;
    response.body = std::move(bad.body);
    return response;
}

}  // namespace

Generation::Generation(JobLock& lock, RunningJob& job, ServiceTime& service_time, Stats& stats)
    : lock_(lock), job_(job), service_time_(service_time), stats_(stats) {}

std::variant<Generation::Wishes, BadRequest> Generation::read_wishes(const Request& request) {
    Wishes wishes;
    if (const auto text = request.query("ms")) {
        const auto number = parse_number(*text, 0, a_day_ms);
        if (!number) return query_error("ms", "a whole number of milliseconds expected");
        wishes.total_ms = *number;
    }
    if (const auto text = request.query("fail")) {
        const auto number = parse_number(*text, 200, 599);
        if (!number) return query_error("fail", "a status from 200 to 599 expected");
        wishes.fail_status = *number;
    }
    const std::string crash_wish = request.query("crash").value_or("0");
    if (crash_wish == "1") {
        wishes.crash = Crash::at_once;
    } else if (crash_wish == "mid") {
        wishes.crash = Crash::mid_job;
    } else if (crash_wish != "0") {
        return query_error("crash", "0, 1 or mid expected");
    }
    return wishes;
}

Generation::Finished Generation::work(const GenerationRequest& request, const Wishes& wishes) {
    Clock::duration per_iteration = std::chrono::milliseconds(wishes.total_ms) / request.n_iter;
    if (wishes.total_ms < 0) {
        per_iteration = service_time_.draw(request.steps) * request.batch_size;
    }
    if (wishes.crash == Crash::mid_job) {
        std::this_thread::sleep_for(per_iteration * request.n_iter / 2);
        crash();
    }
    Finished finished;
    job_.begin("scripts_" + request.kind, request.n_iter, request.steps, per_iteration);
    for (std::int64_t i = 0; i < request.n_iter && finished.outcome != "interrupted"; ++i) {
        const auto started = Clock::now();
        std::vector<std::string> batch = draw_batch(request, i, 1);
        const RunningJob::Worked worked = job_.work(started);
        if (worked.ended != RunningJob::Ended::completed) {
            const bool interrupted = worked.ended == RunningJob::Ended::interrupted;
            finished.outcome = interrupted ? "interrupted" : "skipped";
            batch = draw_batch(request, i, worked.fraction);
        }
        for (std::string& image : batch)
            finished.images.push_back(std::move(image));
    }
    job_.end();
    return finished;
}

Response Generation::generate(const std::string& kind, const Request& request,
                              const std::function<bool()>& client_left) {
    auto read = read_wishes(request);
    if (auto* bad = std::get_if<BadRequest>(&read)) return as_response(std::move(*bad));
    Wishes wishes = std::get<Wishes>(read);
    if (wishes.crash == Crash::at_once) crash();
    auto parsed = parse_generation(kind, request.body);
    if (auto* bad = std::get_if<BadRequest>(&parsed)) return as_response(std::move(*bad));
    auto& wanted = std::get<GenerationRequest>(parsed);
    if (wanted.crash == Crash::at_once) crash();
    if (wanted.crash != Crash::never) wishes.crash = wanted.crash;

    JobLock::Visit visit(lock_);
    if (visit.is_record()) stats_.save();
    if (!visit.hold()) return {503, "application/json", {}, R"({"detail":"shutting down"})"};
    if (wanted.seed < 0) wanted.seed = random_seed();
    const std::uint64_t number = stats_.job_started(kind, wanted.prompt);
    const Finished finished = work(wanted, wishes);
    if (client_left()) stats_.client_disconnected();
    const bool failed = wishes.fail_status != 0;
    stats_.job_finished(number, failed ? "failed" : finished.outcome);
    Response response;
    if (failed) {
        response.status = static_cast<int>(wishes.fail_status);
        response.body = R"({"detail":"failed, as the request asked"})";
    } else {
        response.body = reply_json(wanted, finished.images);
    }
    return response;
}

}  // namespace standin
