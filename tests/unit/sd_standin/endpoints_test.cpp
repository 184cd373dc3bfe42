// Options, requests as values, and the endpoints without a socket.
#include "tests/sd_standin/endpoints.hpp"

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/sd_standin/generation_request.hpp"
#include "tests/sd_standin/http.hpp"
#include "tests/sd_standin/options.hpp"

namespace {

using nlohmann::json;

standin::ParsedOptions parse(std::vector<const char*> arguments,
                             std::map<std::string, std::string> variables = {}) {
    arguments.insert(arguments.begin(), "sd-standin");
    return standin::parse_options(
        static_cast<int>(arguments.size()), arguments.data(), [&](const char* name) {
            const auto found = variables.find(name);
            return found == variables.end() ? nullptr : found->second.c_str();
        });
}

standin::Request request_to(const std::string& method, const std::string& target,
                            const std::string& body = {}) {
    standin::Request request;
    request.method = method;
    request.target = target;
    request.path = target.substr(0, target.find('?'));
    request.body = body;
    return request;
}

bool stays() {
    return false;
}

json body_of(const standin::Response& response) {
    return json::parse(response.body);
}

}  // namespace

TEST_CASE("options: the arguments of the real web UI are accepted", "[sd_standin]") {
    const auto parsed =
        parse({"launch.py", "--listen", "--skip-torch-cuda-test", "--api"}, {{"PORT", "8123"}});
    REQUIRE(parsed.options);
    REQUIRE(parsed.options->listen_host == "0.0.0.0");
    REQUIRE(parsed.options->port == 8123);
    REQUIRE(parse({}).options->port == 7860);
    REQUIRE(parse({}).options->listen_host == "127.0.0.1");
}

TEST_CASE("options: a flag beats its variable", "[sd_standin]") {
    const auto parsed =
        parse({"--service-ms", "20", "--port=1"},
              {{"STANDIN_SERVICE_MS", "10"}, {"PORT", "2"}, {"STANDIN_STARTUP_MS", "30"}});
    REQUIRE(parsed.options);
    REQUIRE(parsed.options->service_ms == 20);
    REQUIRE(parsed.options->port == 1);
    REQUIRE(parsed.options->startup_ms == 30);
}

TEST_CASE("options: what is wrong is named in one line, with status 64", "[sd_standin]") {
    const auto check = [](const standin::ParsedOptions& parsed, const std::string& name) {
        CAPTURE(parsed.message);
        REQUIRE_FALSE(parsed.options);
        REQUIRE(parsed.exit_status == 64);
        REQUIRE(parsed.message.find(name) != std::string::npos);
        REQUIRE(parsed.message.find('\n') == std::string::npos);
    };
    check(parse({"--port", "70000"}), "--port");
    check(parse({"--port", "x"}), "--port");
    check(parse({"--service-ms", "-1"}), "--service-ms");
    check(parse({"--lognormal-sigma", "9"}), "--lognormal-sigma");
    check(parse({"--nonsense"}), "--nonsense");
    check(parse({"other.py"}), "script");
    check(parse({"--step-ms", "1", "--service-ms", "1"}), "--step-ms");
    check(parse({}, {{"PORT", "80x"}}), "PORT");
    check(parse({}, {{"STANDIN_READY_MS", "-4"}}), "STANDIN_READY_MS");
    check(parse({}, {{"STANDIN_LOGNORMAL_SIGMA", "nan"}}), "STANDIN_LOGNORMAL_SIGMA");
}

TEST_CASE("generation request: defaults, and what the body says", "[sd_standin]") {
    auto parsed = standin::parse_generation(
        "txt2img", R"({"prompt":"pretty dog","steps":20.0,"width":64,"seed":null,"extra":[1]})");
    REQUIRE(std::holds_alternative<standin::GenerationRequest>(parsed));
    const auto& request = std::get<standin::GenerationRequest>(parsed);
    REQUIRE(request.prompt == "pretty dog");
    REQUIRE(request.width == 64);
    REQUIRE(request.height == 512);
    REQUIRE(request.steps == 20);
    REQUIRE(request.seed == -1);
    const json parameters = json::parse(request.parameters);
    REQUIRE(parameters.at("extra") == json::array({1}));
    REQUIRE(parameters.at("height") == 512);
}

TEST_CASE("generation request: a wrong field is named, with status 422", "[sd_standin]") {
    const std::pair<const char*, const char*> wrong[] = {
        {R"({"width":0})", "width"},
        {R"({"width":4097})", "width"},
        {R"({"height":"tall"})", "height"},
        {R"({"steps":0})", "steps"},
        {R"({"steps":1.5})", "steps"},
        {R"({"prompt":1})", "prompt"},
        {R"({"seed":1e300})", "seed"},
        {R"({"seed":18446744073709551615})", "seed"},
        {R"({"batch_size":65})", "batch_size"},
        {R"({"n_iter":101})", "n_iter"},
        {R"({"send_images":"no"})", "send_images"},
        {R"({"crash":"later"})", "crash"},
        {R"({"width":4096,"height":4096,"n_iter":5})", "batch_size"}};
    for (const auto& [body, field] : wrong) {
        CAPTURE(body);
        auto parsed = standin::parse_generation("txt2img", body);
        REQUIRE(std::holds_alternative<standin::BadRequest>(parsed));
        const auto& bad = std::get<standin::BadRequest>(parsed);
        REQUIRE(bad.status == 422);
        REQUIRE(json::parse(bad.body)["detail"][0]["loc"][1] == field);
    }
}

TEST_CASE("generation request: bodies that are no JSON object are refused", "[sd_standin]") {
    const std::string deep = std::string(100000, '[') + std::string(100000, ']');
    for (const std::string& body : {std::string(), std::string("{"), std::string("[]"),
                                    std::string("{\"prompt\":\"\xff\"}"), deep}) {
        auto parsed = standin::parse_generation("txt2img", body);
        REQUIRE(std::holds_alternative<standin::BadRequest>(parsed));
        REQUIRE(std::get<standin::BadRequest>(parsed).status == 422);
    }
    auto no_source = standin::parse_generation("img2img", "{}");
    REQUIRE(std::get<standin::BadRequest>(no_source).status == 404);
}

TEST_CASE("http: query parameters, headers in order, head without body", "[sd_standin]") {
    const standin::Request request = request_to("GET", "/x?ms=5&empty&name=a%20b+c%zz");
    REQUIRE(request.query("ms") == "5");
    REQUIRE(request.query("empty") == "");
    REQUIRE(request.query("name") == "a b c%zz");
    REQUIRE_FALSE(request.query("m"));
    const auto headers =
        standin::split_headers("GET / HTTP/1.1\r\nHost: a:1\r\nb:  2 \r\nHOST: c\r\n\r\n");
    REQUIRE(headers.size() == 3);
    REQUIRE(headers[0].value == "a:1");
    REQUIRE(headers[1].value == "2");
    REQUIRE(headers[2].name == "HOST");
    const standin::Response response{200, "text/plain", {}, "hello"};
    const std::string head = standin::format_response(response, request_to("HEAD", "/"), true);
    REQUIRE(head.find("content-length: 5\r\n") != std::string::npos);
    REQUIRE(head.ends_with("\r\n\r\n"));
}

TEST_CASE("endpoints: a generation answers with its picture and counts itself", "[sd_standin]") {
    standin::Options options;
    options.service_ms = 0;
    standin::Endpoints endpoints(options);
    const auto request =
        request_to("POST", "/sdapi/v1/txt2img",
                   R"({"prompt":"dog","seed":5,"width":16,"height":16,"n_iter":3})");
    REQUIRE(endpoints.answer(request, stays).status == 503);  // the model is loading
    endpoints.set_ready();
    const auto first = endpoints.answer(request, stays);
    REQUIRE(first.status == 200);
    REQUIRE(body_of(first)["images"].size() == 3);
    REQUIRE(first.body == endpoints.answer(request, stays).body);
    const json info = json::parse(body_of(first)["info"].get<std::string>());
    REQUIRE(info["all_seeds"] == json::array({5, 6, 7}));
    const json stats = body_of(endpoints.answer(request_to("GET", "/standin/stats"), stays));
    REQUIRE(stats["started"] == 2);
    REQUIRE(stats["finished"] == 2);
    REQUIRE(stats["at_once_max"] == 1);
    REQUIRE(stats["inside_now"] == 0);
    REQUIRE(stats["model_ready_at"].is_number());
}

TEST_CASE("endpoints: a client that left is counted, its job was done", "[sd_standin]") {
    standin::Options options;
    options.service_ms = 0;
    standin::Endpoints endpoints(options);
    endpoints.set_ready();
    endpoints.answer(request_to("POST", "/sdapi/v1/txt2img", "{}"), [] { return true; });
    const json stats = body_of(endpoints.answer(request_to("GET", "/standin/stats"), stays));
    REQUIRE(stats["disconnected"] == 1);
    REQUIRE(stats["finished"] == 1);
    REQUIRE(stats["interrupted"] == 0);
}

TEST_CASE("endpoints: fail answers its status after the work", "[sd_standin]") {
    standin::Options options;
    options.service_ms = 0;
    standin::Endpoints endpoints(options);
    endpoints.set_ready();
    const auto fail = request_to("POST", "/sdapi/v1/txt2img?fail=507", "{}");
    REQUIRE(endpoints.answer(fail, stays).status == 507);
    const auto bad = request_to("POST", "/sdapi/v1/txt2img?ms=soon", "{}");
    REQUIRE(endpoints.answer(bad, stays).status == 422);
    const json jobs = body_of(endpoints.answer(request_to("GET", "/standin/jobs"), stays));
    REQUIRE(jobs.size() == 1);
    REQUIRE(jobs[0]["outcome"] == "failed");
}

TEST_CASE("endpoints: options are kept per process, and the rest answers", "[sd_standin]") {
    standin::Endpoints endpoints{standin::Options()};
    endpoints.set_ready();
    const auto status = [&](const std::string& method, const std::string& target,
                            const std::string& body = {}) {
        return endpoints.answer(request_to(method, target, body), stays).status;
    };
    REQUIRE(status("POST", "/sdapi/v1/options", R"({"samples_format":"webp"})") == 200);
    const auto options = endpoints.answer(request_to("GET", "/sdapi/v1/options"), stays);
    REQUIRE(body_of(options)["samples_format"] == "webp");
    REQUIRE(status("POST", "/sdapi/v1/options", "[]") == 422);
    REQUIRE(status("DELETE", "/sdapi/v1/options") == 405);
    REQUIRE(status("GET", "/sdapi/v1/txt2img") == 405);
    REQUIRE(status("GET", "/sdapi/v1/sd-models") == 200);
    REQUIRE(status("GET", "/sdapi/v1/samplers") == 200);
    REQUIRE(status("GET", "/internal/ping") == 200);
    REQUIRE(status("GET", "/nothing") == 404);
    REQUIRE(status("GET", "/standin/status/418") == 418);
    REQUIRE(status("GET", "/standin/status/99") == 400);
}

TEST_CASE("endpoints: the page keeps the cookie that the browser sent", "[sd_standin]") {
    standin::Endpoints endpoints{standin::Options()};
    endpoints.set_ready();
    standin::Request request = request_to("GET", "/");
    const auto cookie = [&] { return endpoints.answer(request, stays).headers.at(0).value; };
    REQUIRE(cookie().starts_with("sd_app="));
    REQUIRE(cookie() != cookie());
    request.headers.push_back({"cookie", "xsd_app=no; sd_app=abc; sd=1"});
    REQUIRE(cookie() == "sd_app=abc; Path=/");
}
