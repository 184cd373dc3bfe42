#include "common/config/knobs.hpp"

#include <set>

#include <catch2/catch.hpp>

#include "common/config/app_presets.hpp"

using namespace common;
using namespace std::chrono_literals;

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

KnobsResult parse(const Pairs& annotations) {
    return parse_knobs(annotations);
}

// The values of the queue-proxy's knobs, as they travel.
Knobs there_and_back(const Knobs& knobs) {
    MapEnv::Map map;
    for (const auto& [name, value] : knobs_to_env(knobs))
        map.emplace(name, value);
    const auto result = knobs_from_env(MapEnv(map));
    CHECK(result.problems.empty());
    return result.knobs;
}

}  // namespace

TEST_CASE("knobs: every row of the table is complete and its default reads back",
          "[common][config]") {
    std::set<std::string_view> names;
    std::set<std::string_view> variables;
    const Knobs defaults;
    for (const auto& row : knob_rows()) {
        INFO(row.name);
        CHECK(names.insert(row.name).second);
        if (!row.env.empty()) CHECK(variables.insert(row.env).second);
        CHECK_FALSE(row.valid.empty());
        CHECK_FALSE(row.meaning.empty());
        CHECK_FALSE(row.default_text.empty());
        const bool for_proxy =
            row.reader == KnobReader::queue_proxy || row.reader == KnobReader::both;
        CHECK(for_proxy == !row.env.empty());
        if (const auto value = row.write(defaults)) {
            Knobs read_back;
            CHECK(row.read(*value, read_back));
            CHECK(read_back == defaults);
        }
    }
}

TEST_CASE("knobs: all of them are read", "[common][config]") {
    const auto result = parse({
        {"sluice.dev/queue-limit", "5"},
        {"sluice.dev/queue-bytes", "1Mi"},
        {"sluice.dev/cold-start-timeout", "2m"},
        {"sluice.dev/queue-timeout", "30s"},
        {"serving.knative.dev.alibabacloud/affinity", "cookie"},
        {"serving.knative.dev.alibabacloud/cookie-name", "sd"},
        {"serving.knative.dev.alibabacloud/cookie-timeout", "60"},
        {"sluice.dev/affinity-patience", "0s"},
        {"sluice.dev/affinity-lifetime", "12h"},
        {"sluice.dev/affinity-header", "X-User"},
        {"sluice.dev/retry-on-pod-loss", "true"},
        {"sluice.dev/retry-limit", "0"},
        {"sluice.dev/replay-bytes", "0"},
        {"sluice.dev/on-disconnect", "interrupt"},
        {"sluice.dev/interrupt-path", "/stop"},
        {"sluice.dev/slot-hold-max", "1m30s"},
        {"sluice.dev/control-paths", "/progress, GET /a/* ,/b"},
        {"sluice.dev/control-limit", "7"},
        {"sluice.dev/deny-paths", "/admin*"},
        {"sluice.dev/model-key", "header:X-Model"},
        {"sluice.dev/model-patience", "15s"},
        {"sluice.dev/shape-reports", "true"},
        {"sluice.dev/wait-target", "45s"},
        {"sluice.dev/inject", "true"},
    });
    CHECK(result.problems.empty());
    Knobs expected;
    expected.queue_limit = 5;
    expected.queue_bytes = 1'048'576;
    expected.cold_start_timeout = 2min;
    expected.queue_timeout = 30s;
    expected.affinity = {true, "sd", 60s};
    expected.affinity_patience = 0s;
    expected.affinity_lifetime = 12h;
    expected.affinity_header = "X-User";
    expected.retry_on_pod_loss = true;
    expected.retry_limit = 0;
    expected.replay_bytes = 0;
    expected.on_disconnect = OnDisconnect::interrupt;
    expected.interrupt_path = PathPattern{"POST", "/stop", false};
    expected.slot_hold_max = 90s;
    expected.control_paths = {{"", "/progress", false}, {"GET", "/a/", true}, {"", "/b", false}};
    expected.control_limit = 7;
    expected.deny_paths = {{"", "/admin", true}};
    expected.model_key = "header:X-Model";
    expected.model_patience = 15s;
    expected.shape_reports = true;
    expected.wait_target = 45s;
    expected.inject = true;
    CHECK(result.knobs == expected);
    CHECK(parse({}).knobs == Knobs{});
}

TEST_CASE("knobs: a wrong value is an error that names the valid ones", "[common][config]") {
    const std::vector<std::array<const char*, 3>> table{{
        {"queue-limit", "0", "\"0\" is not an integer from 1 to 1000000"},
        {"queue-limit", "many", "\"many\" is not an integer from 1 to 1000000"},
        {"queue-bytes", "1", "\"1\" is not a size from 64Ki to 1Ti, like 64Mi"},
        {"cold-start-timeout", "0s",
         "\"0s\" is not a duration of more than 0s and at most 24h, like 90s"},
        {"queue-timeout", "25h",
         "\"25h\" is not a duration of more than 0s and at most 24h, like 90s"},
        {"affinity-patience", "-1s", "\"-1s\" is not a duration from 0s to 24h, like 15s"},
        {"affinity-header", "X User", "\"X User\" is not the name of a header"},
        {"retry-on-pod-loss", "yes", "\"yes\" is not true or false"},
        {"retry-limit", "11", "\"11\" is not an integer from 0 to 10"},
        {"on-disconnect", "stop", "\"stop\" is not finish, interrupt or close"},
        {"interrupt-path", "/a*", "\"/a*\" is not a path with an optional method, like POST /stop"},
        {"control-paths", "/a,b",
         "\"/a,b\" is not a comma-separated list of /path, /prefix* or METHOD /path"},
        {"control-limit", "", "\"\" is not an integer from 1 to 10000"},
        {"app", "a1112", "\"a1112\" is not the name of a preset: a1111"},
        {"model-key", "a..b", "\"a..b\" is not a JSON field path like a.b, or header:NAME"},
        {"inject", "True", "\"True\" is not true or false"},
    }};
    for (const auto& [name, value, message] : table) {
        const std::string full = std::string("sluice.dev/") + name;
        const auto result = parse({{full, value}});
        CHECK(result.problems == std::vector<KnobProblem>{{true, full, message}});
        CHECK(result.knobs == Knobs{});
    }
    const std::string seed = "serving.knative.dev.alibabacloud/";
    CHECK(parse({{seed + "affinity", "ip"}}).problems.at(0).message == "\"ip\" is not \"cookie\"");
    CHECK(parse({{seed + "cookie-name", "a b"}}).problems.at(0).is_error);
    CHECK(parse({{seed + "cookie-timeout", "0"}}).problems.at(0).message ==
          "\"0\" is not a number of seconds from 1 to 31536000");
}

TEST_CASE("knobs: an unknown name of ours is a warning with the nearest known one",
          "[common][config]") {
    const auto result = parse({{"sluice.dev/queue-limt", "5"},
                               {"sluice.dev/zzzzzzzzzzzzzzzzzzzzz", "5"},
                               {"serving.knative.dev.alibabacloud/cookie-nam", "x"},
                               {"example.com/other", "x"}});
    CHECK(result.problems ==
          std::vector<KnobProblem>{
              {false, "sluice.dev/queue-limt",
               "unknown annotation, ignored; did you mean sluice.dev/queue-limit?"},
              {false, "sluice.dev/zzzzzzzzzzzzzzzzzzzzz", "unknown annotation, ignored"},
              {false, "serving.knative.dev.alibabacloud/cookie-nam",
               "unknown annotation, ignored; did you mean "
               "serving.knative.dev.alibabacloud/cookie-name?"},
          });
}

TEST_CASE("knobs: knobs that need each other say so", "[common][config]") {
    const auto alone = parse({{"sluice.dev/on-disconnect", "interrupt"}});
    CHECK(alone.problems ==
          std::vector<KnobProblem>{
              {true, "sluice.dev/on-disconnect", "\"interrupt\" needs sluice.dev/interrupt-path"}});
    CHECK(parse({{"sluice.dev/on-disconnect", "interrupt"}, {"sluice.dev/app", "a1111"}})
              .problems.empty());
    const auto target = parse({{"sluice.dev/wait-target", "1s"}});
    CHECK(target.problems == std::vector<KnobProblem>{{false, "sluice.dev/wait-target",
                                                       "has no effect: shape-reports is off"}});
    const auto patience = parse({{"sluice.dev/affinity-patience", "1s"}});
    REQUIRE(patience.problems.size() == 1);
    CHECK_FALSE(patience.problems[0].is_error);
    CHECK(parse({{"sluice.dev/affinity-patience", "1s"}, {"sluice.dev/affinity-header", "X"}})
              .problems.empty());
}

TEST_CASE("knobs: the disconnect policy follows the limit unless it is chosen",
          "[common][config]") {
    Knobs knobs;
    CHECK(on_disconnect_for(knobs, 1) == OnDisconnect::finish);
    CHECK(on_disconnect_for(knobs, 0) == OnDisconnect::close);
    knobs.on_disconnect = OnDisconnect::close;
    CHECK(on_disconnect_for(knobs, 1) == OnDisconnect::close);
}

TEST_CASE("presets: a1111 keeps the page and the controls alive and counts GPU work",
          "[common][config]") {
    const auto knobs = parse({{"sluice.dev/app", "a1111"}}).knobs;
    const auto control = [&](const char* method, const char* target) {
        return is_listed_control(knobs.control_paths, method, target);
    };
    for (const char* target :
         {"/", "/sdapi/v1/progress?skip_current_image=false", "/sdapi/v1/options",
          "/sdapi/v1/sd-models", "/sdapi/v1/memory", "/internal/ping", "/internal/progress",
          "/config", "/assets/index.js", "/file=style.css?1", "/favicon.ico", "/theme.css",
          "/queue/join", "/queue/data?session=1"})
        CHECK(control("GET", target));
    for (const char* target :
         {"/sdapi/v1/interrupt", "/sdapi/v1/skip", "/internal/progress", "/run/predict", "/upload"})
        CHECK(control("POST", target));
    for (const char* target :
         {"/sdapi/v1/txt2img", "/sdapi/v1/img2img", "/sdapi/v1/extra-single-image",
          "/sdapi/v1/interrogate", "/sdapi/v1/options", "/sdapi/v1/reload-checkpoint",
          "/sdapi/v1/unload-checkpoint", "/sdapi/v1/refresh-checkpoints",
          "/sdapi/v1/train/embedding", "/api/predict", "/", "/assets/../sdapi/v1/txt2img"})
        CHECK_FALSE(control("POST", target));
    CHECK(is_listed_denied(knobs.deny_paths, "POST", "/sdapi/v1/server-kill"));
    CHECK(knobs.interrupt_path == PathPattern{"POST", "/sdapi/v1/interrupt", false});
    CHECK(knobs.model_key == "override_settings.sd_model_checkpoint");
    CHECK(find_app_preset("a1111")->readiness_path == "/internal/ping");
    CHECK(find_app_preset("other") == nullptr);
    CHECK(app_preset_names() == std::vector<std::string>{"a1111"});
}

TEST_CASE("presets: an explicit knob beats the preset, in any order", "[common][config]") {
    const auto result = parse({{"sluice.dev/control-paths", "/mine"},
                               {"sluice.dev/interrupt-path", ""},
                               {"sluice.dev/deny-paths", ""},
                               {"sluice.dev/model-key", ""},
                               {"sluice.dev/app", "a1111"}});
    CHECK(result.problems.empty());
    CHECK(result.knobs.control_paths == std::vector<PathPattern>{{"", "/mine", false}});
    CHECK_FALSE(result.knobs.interrupt_path);
    CHECK(result.knobs.deny_paths.empty());
    CHECK(result.knobs.model_key.empty());
}

TEST_CASE("knobs: the queue-proxy's part travels through its environment", "[common][config]") {
    CHECK(knobs_to_env(Knobs{}).empty());
    CHECK(there_and_back(Knobs{}) == Knobs{});

    Knobs knobs;
    knobs.on_disconnect = OnDisconnect::interrupt;
    knobs.interrupt_path = PathPattern{"DELETE", "/job", false};
    knobs.slot_hold_max = 90s;
    knobs.control_paths = {{"", "/a", true}, {"GET", "/b", false}};
    knobs.control_limit = 3;
    CHECK(knobs_to_env(knobs) == std::map<std::string, std::string>{
                                     {"SLUICE_ON_DISCONNECT", "interrupt"},
                                     {"SLUICE_INTERRUPT_PATH", "DELETE /job"},
                                     {"SLUICE_SLOT_HOLD_MAX", "1m30s"},
                                     {"SLUICE_CONTROL_PATHS", "/a*,GET /b"},
                                     {"SLUICE_CONTROL_LIMIT", "3"},
                                 });
    CHECK(there_and_back(knobs) == knobs);

    auto preset = parse({{"sluice.dev/app", "a1111"}}).knobs;
    CHECK(knobs_to_env(preset) == std::map<std::string, std::string>{{"SLUICE_APP", "a1111"}});
    CHECK(there_and_back(preset) == preset);
    preset.control_paths.clear();
    preset.interrupt_path.reset();
    CHECK(there_and_back(preset) == preset);
}

TEST_CASE("knobs: the queue-proxy names the variable that is wrong", "[common][config]") {
    const MapEnv env({{"SLUICE_CONTROL_LIMIT", "0"}, {"SLUICE_SLOT_HOLD_MAX", ""}});
    CHECK(knobs_from_env(env).problems ==
          std::vector<KnobProblem>{
              {true, "SLUICE_SLOT_HOLD_MAX",
               "\"\" is not a duration of more than 0s and at most 24h, like 90s"},
              {true, "SLUICE_CONTROL_LIMIT", "\"0\" is not an integer from 1 to 10000"},
          });
}

TEST_CASE("knobs: podinfo annotations are read with Go's quoting", "[common][config]") {
    CHECK(parse_podinfo("a=\"x\"\nb/c=\"say \\\"hi\\\"\\n\\\\ \\t\\x41\\u00e9\\U0001F600\"\n"
                        "broken\nd=\"\\q\"\ne=\"open\n=\"v\"\nf=\"\"") ==
          Pairs{{"a", "x"}, {"b/c", "say \"hi\"\n\\ \tA\u00e9\U0001F600"}, {"f", ""}});
    CHECK(parse_podinfo("").empty());
    const auto knobs = knobs_from_podinfo(
        "kubernetes.io/x=\"1\"\nsluice.dev/control-limit=\"9\"\nsluice.dev/queue-limit=\"4\"\n");
    CHECK(knobs.problems.empty());
    CHECK(knobs.knobs.control_limit == 9);
    CHECK(knobs.knobs.queue_limit == 4);
}

TEST_CASE("knobs: a variable beats the podinfo annotation", "[common][config]") {
    const MapEnv env({{"SLUICE_CONTROL_LIMIT", "2"}});
    const auto result =
        knobs_from_env(env, "sluice.dev/control-limit=\"9\"\nsluice.dev/slot-hold-max=\"3s\"\n");
    CHECK(result.problems.empty());
    CHECK(result.knobs.control_limit == 2);
    CHECK(result.knobs.slot_hold_max == 3s);
}
