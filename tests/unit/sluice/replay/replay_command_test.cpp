// The command as its user sees it: a trace and a service file in, figures out, one clear line where
// something is wrong.
#include "sluice/replay/replay_command.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sluice::replay;
namespace fs = std::filesystem;

namespace {

constexpr const char* service_text = R"(apiVersion: serving.knative.dev/v1
kind: Service
metadata:
  name: sd
  annotations:
    serving.knative.dev.alibabacloud/affinity: cookie
spec:
  template:
    metadata:
      annotations:
        sluice.dev/model-key: model
        sluice.dev/queue-timeout: 24h
        autoscaling.knative.dev/max-scale: "4"
    spec:
      containerConcurrency: 1
      containers:
        - image: sd
          command: [sd]
)";

class Bench {
  public:
    Bench() : folder_(fs::temp_directory_path() / ("sluice-replay-" + std::to_string(::getpid()))) {
        fs::create_directories(folder_);
        options.service = write("service.yaml", service_text);
    }
    ~Bench() { fs::remove_all(folder_); }

    std::string write(const std::string& name, const std::string& text) {
        std::ofstream(folder_ / name) << text;
        return path(name);
    }
    std::string path(const std::string& name) const { return (folder_ / name).string(); }
    std::string read(const std::string& name) const {
        std::ifstream file(folder_ / name);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    int run() {
        out.str("");
        err.str("");
        return run_replay(options, out, err);
    }
    nlohmann::json figures() {
        options.json = path("out.json");
        REQUIRE(run() == 0);
        return nlohmann::json::parse(read("out.json"))["variants"];
    }

    ReplayOptions options;
    std::ostringstream out;
    std::ostringstream err;

  private:
    fs::path folder_;
};

constexpr const char* small_trace =
    "arrival,run,session,model\n"
    "2024-01-01 00:00:00,10,a,one\n"
    "2024-01-01 00:00:20,10,b,two\n"
    "2024-01-01 00:00:40,10,b,two\n"
    "2024-01-01 00:01:00,10,a,one\n";

}  // namespace

TEST_CASE("replay command: figures of a small trace, worked out by hand", "[sluice][replay]") {
    Bench bench;
    bench.options.trace = bench.write("trace.csv", small_trace);
    bench.options.gpus = "2";
    bench.options.model_load = "5s";
    bench.options.compare = {"policy=first-available,model-aware,strict"};
    const nlohmann::json runs = bench.figures();
    REQUIRE(runs.size() == 5);  // with ideal and stock
    CHECK(runs[0]["variant"] == nlohmann::json({{"policy", "first-available"}}));
    CHECK(runs[0]["mean_total_s"] == Approx(13.75));
    CHECK(runs[0]["model_change_share"] == Approx(0.75));
    CHECK(runs[1]["variant"]["policy"] == "model-aware");
    CHECK(runs[1]["model_changes"] == 2);
    CHECK(runs[1]["mean_total_s"] == Approx(12.5));
    CHECK(runs[1]["affinity_kept"] == 2);
    // Strict: both sessions live on the first pod.
    CHECK(runs[2]["model_changes"] == 3);
    CHECK(runs[3]["variant"]["policy"] == "ideal");
    CHECK(runs[3]["reference"] == true);
    CHECK(runs[3]["mean_total_s"] == Approx(10));
    CHECK(runs[4]["variant"]["policy"] == "stock");
    CHECK(runs[4]["mean_total_s"] == Approx(13.75));
    CHECK(bench.out.str().find("model-aware") != std::string::npos);
    CHECK(bench.err.str().empty());
}

TEST_CASE("replay command: settings and comparisons", "[sluice][replay]") {
    Bench bench;
    bench.options.trace = bench.write("trace.csv", small_trace);
    bench.options.set = {"pod-start=7s", "sluice.dev/affinity-patience=0s"};
    bench.options.compare = {"gpus=1,2", "model-load=0s,5s"};
    const nlohmann::json runs = bench.figures();
    REQUIRE(runs.size() == 6);
    CHECK(runs[0]["variant"] ==
          nlohmann::json({{"policy", "service"}, {"gpus", 1}, {"model-load", "0s"}}));
    CHECK(runs[1]["variant"]["model-load"] == "5s");
    CHECK(runs[1]["mean_total_s"] == Approx(13.75));
    CHECK(runs[2]["variant"]["gpus"] == 2);
    CHECK(runs[0]["mean_total_s"] == Approx(10));
}

TEST_CASE("replay command: without --gpus the service scales by itself", "[sluice][replay]") {
    Bench bench;
    bench.options.trace = bench.write("trace.csv", small_trace);
    bench.options.pod_start = "30s";
    bench.options.compare = {"scale-to-zero-pod-retention-period=0s,10m"};
    const nlohmann::json runs = bench.figures();
    CHECK(runs[0]["cold_starts"] >= 1);
    CHECK(runs[0]["waited_for_cold_start"] >= 1);
    CHECK(runs[0]["mean_wait_s"] >= 7.5);
}

TEST_CASE("replay command: the same input and seed give the same bytes", "[sluice][replay]") {
    Bench bench;
    bench.options.generate = 3000;
    bench.options.compare = {"policy=strict,soft,model-aware"};
    bench.options.set = {"max-scale=10"};
    bench.options.model_load = "5s";
    std::string texts[2];
    for (std::string& text : texts) {
        bench.options.json = bench.path("a.json");
        bench.options.html = bench.path("a.html");
        REQUIRE(bench.run() == 0);
        text = bench.out.str() + bench.read("a.json") + bench.read("a.html");
    }
    CHECK(texts[0] == texts[1]);
    bench.options.seed = "2";
    REQUIRE(bench.run() == 0);
    CHECK(bench.out.str() + bench.read("a.json") + bench.read("a.html") != texts[0]);
}

TEST_CASE("replay command: bad rows are counted and named, never dropped in silence",
          "[sluice][replay]") {
    Bench bench;
    bench.options.trace = bench.write("trace.csv",
                                      "when,took\n"
                                      "2024-01-01 00:00:00,1\n"
                                      "yesterday,1\n"
                                      "2024-01-01 00:00:01,fast\n"
                                      "2024-01-01 00:00:02\n"
                                      "\n"
                                      "2024-01-01 00:00:03,\n"
                                      "2024-01-01 00:00:04,\"2\n"
                                      "\",x\n"
                                      "2024-01-01 00:00:02,1\n");
    bench.options.map = {"arrival=when,run=took"};
    bench.options.gpus = "1";
    const nlohmann::json runs = bench.figures();
    CHECK(runs[0]["requests"] == 2);
    const std::string err = bench.err.str();
    CHECK(err.find(":3: left out: arrival: \"yesterday\" is neither like") != std::string::npos);
    CHECK(err.find(":4: left out: run: \"fast\" is not a number of seconds") != std::string::npos);
    CHECK(err.find(":5: left out: has 1 fields, the header has 2") != std::string::npos);
    CHECK(err.find(":7: left out: run is empty") != std::string::npos);
    CHECK(err.find(":8: left out: has 3 fields") != std::string::npos);
    CHECK(bench.out.str().find("2 requests, 5 rows left out") != std::string::npos);
    const auto trace = nlohmann::json::parse(bench.read("out.json"))["trace"];
    CHECK(trace["bad_rows"] == 5);
    CHECK(trace["first_bad_rows"][0]["line"] == 3);
}

TEST_CASE("replay command: an access log, written at the ends of requests", "[sluice][replay]") {
    Bench bench;
    bench.options.trace = bench.write("log.csv",
                                      "time,request_time,status,session\n"
                                      "2024-01-01T00:00:05Z,1,200,a\n"
                                      "2024-01-01T00:00:10Z,10,200,b\n"
                                      "2024-01-01T00:00:12Z,2,499,a\n");
    bench.options.preset = "access-log";
    bench.options.gpus = "1";
    const nlohmann::json runs = bench.figures();
    CHECK(runs[0]["requests"] == 3);
    CHECK(runs[0]["left"] == 1);
    // At 0 for 10 s; at 4 it waits for 6; at 10 it waits for 1 more and leaves at 12.
    CHECK(runs[0]["max_wait_s"] == Approx(6));
}

TEST_CASE("replay command: the page is whole in itself", "[sluice][replay]") {
    Bench bench;
    bench.options.trace = bench.write("trace.csv", small_trace);
    bench.options.html = bench.path("page.html");
    bench.options.gpus = "1";
    REQUIRE(bench.run() == 0);
    const std::string page = bench.read("page.html");
    CHECK(page.find("Chart") != std::string::npos);
    CHECK(page.find("@DATA@") == std::string::npos);
    CHECK(page.find("@CHART@") == std::string::npos);
    CHECK(page.find("src=") == std::string::npos);
    CHECK(page.find("<link") == std::string::npos);
    CHECK(page.find("\"quantiles_total_s\"") != std::string::npos);
}

TEST_CASE("replay command: wrong flags are one clear line and 64", "[sluice][replay]") {
    Bench bench;
    bench.options.trace = bench.write("trace.csv", small_trace);
    ReplayOptions& options = bench.options;
    std::string expected;
    SECTION("policy") {
        options.compare = {"policy=strict,lax"};
        expected = "policy: \"lax\" is not one of service, strict, soft";
    }
    SECTION("gpus") {
        options.gpus = "none";
        expected = "gpus: \"none\" is not a number of GPUs from 1 to 10000";
    }
    SECTION("misspelt") {
        options.set = {"model-patence=3s"};
        expected = "unknown setting \"model-patence\"; did you mean model-patience?";
    }
    SECTION("no pair") {
        options.set = {"x"};
        expected = "--set: \"x\" is not KEY=VALUE";
    }
    SECTION("annotation's value") {
        options.set = {"model-patience=soon"};
        expected = "sluice.dev/model-patience: \"soon\" is not a duration";
    }
    SECTION("map") {
        options.map = {"when=x"};
        expected = "--map: \"when=x\" is not WHAT=COLUMN";
    }
    SECTION("preset") {
        options.preset = "azure";
        expected = "--preset: \"azure\" is not one of access-log, gentd26";
    }
    SECTION("speed") {
        options.speed = "fast";
        expected = "speed: \"fast\" is not a number from 0.001 to 1000";
    }
    SECTION("two sources") {
        options.generate = 5;
        expected = "replay takes a trace, or --generate N";
    }
    CHECK(bench.run() == 64);
    const std::string said = bench.err.str();
    CHECK(said.find("sluice: " + expected) == 0);
    CHECK(std::count(said.begin(), said.end(), '\n') == 1);
}

TEST_CASE("replay command: files that cannot be used", "[sluice][replay]") {
    Bench bench;
    bench.options.trace = bench.path("none.csv");
    CHECK(bench.run() == 1);
    CHECK(bench.err.str().find("none.csv: No such file") != std::string::npos);
    bench.options.trace = bench.write("trace.csv", "a,b\n1,2\n");
    CHECK(bench.run() == 1);
    CHECK(bench.err.str().find("there is no column \"arrival\"") != std::string::npos);
    bench.options.trace = bench.write("empty.csv", "arrival,run\n");
    CHECK(bench.run() == 1);
    CHECK(bench.err.str().find("there is no request in it") != std::string::npos);
    bench.options.trace =
        bench.write("long.csv", "arrival,run\n1,1\n" + std::string((1 << 20) + 1, 'x') + "\n2,1\n");
    CHECK(bench.run() == 1);
    CHECK(bench.err.str().find("long.csv:3: the line is longer than 1 MiB") != std::string::npos);
    bench.options.service = bench.path("none.yaml");
    CHECK(bench.run() == 1);
}
