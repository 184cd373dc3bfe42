// See the header. HEAD is answered like GET; the sender leaves the body away.
#include "tests/sd_standin/endpoints.hpp"

#include <unistd.h>
#include <zlib.h>

#include <random>
#include <utility>

#include <nlohmann/json.hpp>

#include "tests/sd_standin/page.hpp"

namespace standin {
namespace {

using nlohmann::json;

constexpr std::size_t largest_options = 1 << 20;  // bytes kept for GET /sdapi/v1/options

constexpr const char* first_options =
    R"({"sd_model_checkpoint":"standin.safetensors [0000000000]","samples_format":"png"})";
constexpr const char* models =
    R"([{"title":"standin.safetensors [0000000000]","model_name":"standin","hash":"0000000000",)"
    R"("sha256":null,"filename":"standin.safetensors","config":null}])";
constexpr const char* samplers = R"([{"name":"Euler a","aliases":["k_euler_a"],"options":{}},)"
                                 R"({"name":"Euler","aliases":["k_euler"],"options":{}}])";

Response json_response(std::string body, int status = 200) {
    return {status, "application/json", {}, std::move(body)};
}

Response not_allowed(const char* allowed) {
    Response response = json_response(R"({"detail":"Method Not Allowed"})", 405);
    response.headers.push_back({"allow", allowed});
    return response;
}

bool reads(const Request& request) {
    return request.method == "GET" || request.method == "HEAD";
}

std::string app_cookie(const Request& request) {
    constexpr std::string_view name = "sd_app=";
    const std::string cookies = request.header("Cookie").value_or("");
    std::size_t at = cookies.find(name);
    while (at != std::string::npos && at != 0 && cookies[at - 1] != ' ' && cookies[at - 1] != ';') {
        at = cookies.find(name, at + 1);
    }
    if (at != std::string::npos) {
        at += name.size();
        return cookies.substr(at, cookies.find(';', at) - at);
    }
    std::random_device device;
    return std::to_string(device()) + std::to_string(device());
}

Response page(const Request& request) {
    Response response{200, "text/html; charset=utf-8", {}, std::string(page_html)};
    response.headers.push_back({"set-cookie", "sd_app=" + app_cookie(request) + "; Path=/"});
    return response;
}

Response echo(const Request& request) {
    json headers = json::array();
    for (const Header& header : request.headers) {
        headers.push_back(json::array({header.name, header.value}));
    }
    const auto checksum = crc32(0, reinterpret_cast<const Bytef*>(request.body.data()),
                                static_cast<uInt>(request.body.size()));
    const json body = {{"method", request.method},
                       {"target", request.target},
                       {"version", request.is_http_10 ? "1.0" : "1.1"},
                       {"headers", headers},
                       {"body_length", request.body.size()},
                       {"body_crc32", checksum},
                       {"pid", getpid()}};
    return json_response(body.dump(-1, ' ', false, json::error_handler_t::replace));
}

Response status(const Request& request) {
    constexpr std::string_view prefix = "/standin/status/";
    const auto number =
        parse_number(std::string_view(request.path).substr(prefix.size()), 200, 599);
    if (!number) return json_response(R"({"detail":"a status from 200 to 599 expected"})", 400);
    return json_response("{\"status\":" + std::to_string(*number) + "}", static_cast<int>(*number));
}

}  // namespace

Endpoints::Endpoints(const Options& options)
    : service_time_(options),
      stats_(lock_, options.stats_file),
      generation_(lock_, job_, service_time_, stats_),
      options_json_(first_options) {}

bool Endpoints::is_generation(const Request& request) {
    return request.path == "/sdapi/v1/txt2img" || request.path == "/sdapi/v1/img2img";
}

void Endpoints::set_ready() {
    ready_ = true;
    stats_.model_ready();
}

Response Endpoints::progress() const {
    const RunningJob::Progress now = job_.progress_at(Clock::now());
    const json state = {{"job", now.job},
                        {"job_count", now.job_count},
                        {"job_no", now.job_no},
                        {"sampling_step", now.sampling_step},
                        {"sampling_steps", now.sampling_steps},
                        {"interrupted", now.interrupted},
                        {"skipped", now.skipped}};
    const json body = {{"progress", now.progress},
                       {"eta_relative", now.remaining.count()},
                       {"state", state},
                       {"current_image", nullptr},
                       {"textinfo", nullptr}};
    return json_response(body.dump());
}

Response Endpoints::options(const Request& request) {
    if (request.method != "POST") {
        const std::lock_guard guard(options_mutex_);
        return json_response(options_json_);
    }
    auto parsed = parse_json(request.body);
    if (auto* bad = std::get_if<BadRequest>(&parsed)) return json_response(bad->body, bad->status);
    const json& wanted = std::get<json>(parsed);
    if (!wanted.is_object()) {
        return json_response(R"({"detail":[{"loc":["body"],"msg":"an object is expected"}]})", 422);
    }
    const std::lock_guard guard(options_mutex_);
    json merged = json::parse(options_json_);
    merged.update(wanted);
    std::string text = merged.dump();
    if (text.size() > largest_options) {
        return json_response(R"({"detail":"options over 1 MiB"})", 422);
    }
    options_json_ = std::move(text);
    return json_response("null");
}

Response Endpoints::answer_standin(const Request& request) {
    if (request.path == "/standin/echo") return echo(request);
    if (request.path.starts_with("/standin/status/")) return status(request);
    if (request.path == "/standin/stats") return json_response(stats_.stats_json());
    if (request.path == "/standin/jobs") return json_response(stats_.jobs_json());
    if (request.path == "/standin/reset") {
        if (request.method != "POST") return not_allowed("POST");
        lock_.reset_maxima();
        stats_.reset();
        return json_response("{}");
    }
    return json_response(R"({"detail":"Not Found"})", 404);
}

Response Endpoints::answer_ready(const Request& request, const std::function<bool()>& client_left) {
    const std::string& path = request.path;
    if (is_generation(request)) {
        if (request.method != "POST") return not_allowed("POST");
        return generation_.generate(path.substr(path.rfind('/') + 1), request, client_left);
    }
    if (path == "/sdapi/v1/interrupt" || path == "/sdapi/v1/skip") {
        if (request.method != "POST") return not_allowed("POST");
        path == "/sdapi/v1/skip" ? job_.skip() : job_.interrupt();
        return json_response("{}");
    }
    if (path == "/sdapi/v1/options") {
        return reads(request) || request.method == "POST" ? options(request)
                                                          : not_allowed("GET, POST");
    }
    const bool known = path == "/" || path == "/internal/ping" || path == "/sdapi/v1/progress" ||
                       path == "/sdapi/v1/sd-models" || path == "/sdapi/v1/samplers";
    if (!known) return json_response(R"({"detail":"Not Found"})", 404);
    if (!reads(request)) return not_allowed("GET, HEAD");
    if (path == "/") return page(request);
    if (path == "/internal/ping") return json_response("{}");
    if (path == "/sdapi/v1/progress") return progress();
    return json_response(path == "/sdapi/v1/samplers" ? samplers : models);
}

Response Endpoints::answer(const Request& request, const std::function<bool()>& client_left) {
    if (request.path.starts_with("/standin/")) return answer_standin(request);
    if (ready_) return answer_ready(request, client_left);
    Response response = json_response(R"({"detail":"the model is loading"})", 503);
    response.headers.push_back({"retry-after", "1"});
    return response;
}

}  // namespace standin
