#include "sluice/service/service_file.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>

using namespace sluice;
using namespace std::chrono_literals;

namespace {

// A service whose template spec and container have these lines more (each with its indentation).
std::string service_with(const std::string& spec_lines, const std::string& container_lines = "") {
    return "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata:\n  name: s\n"
           "spec:\n  template:\n    spec:\n" +
           spec_lines + "      containers:\n      - image: i\n        command: [c]\n" +
           container_lines;
}

std::string annotated(const std::string& where, const std::string& line) {
    const bool on_service = where == "service";
    return "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata:\n  name: s\n" +
           (on_service ? "  annotations:\n    " + line + "\n" : std::string()) +
           "spec:\n  template:\n" +
           (on_service ? std::string()
                       : "    metadata:\n      annotations:\n        " + line + "\n") +
           "    spec:\n      containers:\n      - image: i\n        command: [c]\n";
}

std::string text_of(const Problem& problem) {
    return std::to_string(problem.line) + " " +
           (problem.severity == Severity::error ? "error " : "warning ") + problem.field + ": " +
           problem.message;
}

std::vector<std::string> problems_of(const std::string& yaml) {
    std::vector<std::string> lines;
    for (const auto& problem : read_service_text(yaml).problems)
        lines.push_back(text_of(problem));
    return lines;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("service file: the seed's file gives exactly its service", "[sluice]") {
    const auto file = read_service_file(SLUICE_SOURCE_DIR "/manifests/stable-diffusion.yaml");
    CHECK(file.problems.empty());
    CHECK_FALSE(file.has_autoscaler_config);
    REQUIRE(file.services.size() == 1);
    const auto& service = file.services[0];
    CHECK(service.name == "knative-sd-demo");
    CHECK(service.name_space == "default");
    CHECK(service.revision == "knative-sd-demo-00001");
    CHECK(service.annotations ==
          Annotations{{"serving.knative.dev.alibabacloud/affinity", "cookie"},
                      {"serving.knative.dev.alibabacloud/cookie-name", "sd"},
                      {"serving.knative.dev.alibabacloud/cookie-timeout", "1800"}});
    CHECK(service.template_annotations.size() == 4);
    CHECK(service.ignored == Lines{"k8s.aliyun.com/eci-use-specs"});
    CHECK(service.container_concurrency == 1);
    CHECK(service.timeout_seconds == 300);
    CHECK(service.response_start_timeout_seconds == 0);
    CHECK(service.idle_timeout_seconds == 0);
    CHECK(service.termination_grace_seconds == 300);
    CHECK_FALSE(service.full_duplex);

    common::Knobs knobs;
    knobs.affinity = {true, "sd", 1800s};
    CHECK(service.knobs == knobs);

    const auto& scaling = service.scaling;
    CHECK(scaling.class_name == "kpa.autoscaling.knative.dev");
    CHECK(scaling.max_scale == 10);
    CHECK(scaling.target_utilization_percentage == 100.0);
    CHECK_FALSE(scaling.min_scale);
    CHECK_FALSE(scaling.window);

    const auto& container = service.container;
    CHECK(container.command == Lines{"python3", "launch.py"});
    CHECK(container.args == Lines{"--listen", "--skip-torch-cuda-test", "--api"});
    CHECK(container.env.empty());
    CHECK(container.port == ContainerPort{7860, "http1"});
    CHECK(container.gpus == 0);
    ReadinessProbe probe;
    probe.initial_delay_seconds = 5;
    probe.period_seconds = 1;
    probe.failure_threshold = 3;
    CHECK(container.readiness == probe);
}

TEST_CASE("service file: the demo has a short window and grace, and no problem", "[sluice]") {
    const auto file = read_service_file(SLUICE_SOURCE_DIR "/manifests/demo.yaml");
    CHECK(file.problems.empty());
    REQUIRE(file.services.size() == 1);
    CHECK(file.services[0].scaling.window == common::Duration(6s));
    CHECK(file.services[0].knobs.affinity.enabled);
    CHECK(file.has_autoscaler_config);
    CHECK(file.autoscaler.scale_to_zero_grace_period == common::Duration(2s));
}

TEST_CASE("service file: everything that a service can say is read", "[sluice]") {
    const auto file = read_service_text(R"(apiVersion: serving.knative.dev/v1
kind: Service
metadata:
  name: full
  namespace: 1team
spec:
  template:
    metadata:
      name: full-blue
      annotations:
        features.knative.dev/http-full-duplex: Enabled
        sluice.dev/app: a1111
        sluice.dev/queue-limit: "7"
    spec:
      containerConcurrency: 4
      timeoutSeconds: 100
      responseStartTimeoutSeconds: 50
      idleTimeoutSeconds: 20
      terminationGracePeriodSeconds: 9
      containers:
      - name: c
        image: i
        workingDir: /w
        env:
        - {name: A, value: "1"}
        - name: B
        resources:
          limits:
            nvidia.com/gpu: 2
        ports:
        - {containerPort: 81, name: h2c, protocol: TCP}
)");
    CHECK(file.has_errors() == false);
    REQUIRE(file.services.size() == 1);
    const auto& service = file.services[0];
    CHECK(service.name_space == "1team");
    CHECK(service.revision == "full-blue");
    CHECK(service.full_duplex);
    CHECK(service.knobs.queue_limit == 7);
    CHECK(service.container_concurrency == 4);
    CHECK(service.timeout_seconds == 100);
    CHECK(service.response_start_timeout_seconds == 50);
    CHECK(service.idle_timeout_seconds == 20);
    CHECK(service.termination_grace_seconds == 9);
    CHECK(service.container.working_dir == "/w");
    CHECK(service.container.env ==
          std::vector<std::pair<std::string, std::string>>{{"A", "1"}, {"B", ""}});
    CHECK(service.container.gpus == 2);
    CHECK(service.container.port == ContainerPort{81, "h2c"});
    // The preset's readiness stands in for the missing probe.
    CHECK(readiness_probe_json(service.container.readiness, 82) ==
          R"({"httpGet":{"path":"/internal/ping","port":82,"host":"127.0.0.1","scheme":"HTTP"},)"
          R"("successThreshold":1})");
}

TEST_CASE("service file: what a problem quotes stays in one line", "[sluice]") {
    const ServiceFile file =
        read_service_text("apiVersion: \"serving.\\nknative.dev/v1\\e\"\nkind: Service\n");
    REQUIRE_FALSE(file.problems.empty());
    for (const Problem& problem : file.problems) {
        CHECK(problem.message.find_first_of("\n\x1b") == std::string::npos);
        CHECK(problem.field.find('\n') == std::string::npos);
    }
}

TEST_CASE("service file: a bare service has Knative's defaults", "[sluice]") {
    const auto file = read_service_text(service_with(""));
    CHECK(file.problems.empty());
    const auto& service = file.services.at(0);
    CHECK(service.container_concurrency == 0);
    CHECK(service.timeout_seconds == 300);
    CHECK(service.container.port == ContainerPort{8080, ""});
    CHECK(service.container.readiness == ReadinessProbe{});
    CHECK(service.knobs == common::Knobs{});
}

TEST_CASE("service file: several documents, and the ConfigMap counts wherever it stands",
          "[sluice]") {
    const std::string limited =
        "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata:\n  name: a\nspec:\n"
        "  template:\n    metadata:\n      annotations:\n"
        "        autoscaling.knative.dev/max-scale: \"9\"\n"
        "    spec:\n      containers:\n      - image: i\n        command: [c]\n";
    const std::string config =
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: config-autoscaler\ndata:\n"
        "  max-scale-limit: \"5\"\n  max-scale: \"3\"\n";
    const auto good = read_service_text(limited + "---\n" + service_with("") + "---\n---\n");
    CHECK(good.problems.empty());
    REQUIRE(good.services.size() == 2);
    CHECK(good.services[0].name == "a");
    CHECK(good.services[1].name == "s");
    const auto over = read_service_text(limited + config);
    CHECK(over.autoscaler.max_scale_limit == 5);
    REQUIRE(over.problems.size() == 1);
    CHECK(over.problems[0].severity == Severity::error);
    CHECK(over.problems[0].line == 9);
}

TEST_CASE("service file: what is not a service is said to be ignored", "[sluice]") {
    CHECK(problems_of("apiVersion: v1\nkind: Service\nmetadata: {name: x}\n---\n" +
                      service_with("")) ==
          Lines{"2 warning kind: a Service of v1 is ignored (only Services of "
                "serving.knative.dev/v1 and the ConfigMap config-autoscaler are read)"});
    CHECK(problems_of("apiVersion: serving.knative.dev/v1beta1\nkind: Service\n") ==
          Lines{"1 error apiVersion: must be serving.knative.dev/v1, not "
                "\"serving.knative.dev/v1beta1\""});
    CHECK(problems_of("") == Lines{"0 error : has no Service of serving.knative.dev/v1"});
    CHECK(problems_of("- a\n") == Lines{"1 error : is not a Kubernetes object"});
    CHECK(problems_of("a: b\n") ==
          Lines{"1 error apiVersion: is missing", "1 error kind: is missing"});
    CHECK(problems_of("kind: Service\n") == Lines{"1 error apiVersion: is missing"});
    CHECK(problems_of(service_with("") + "---\n" + service_with("")) ==
          Lines{"12 error metadata.name: \"s\" is in the file twice"});
}

TEST_CASE("service file: wrong fields are named with line, field and reason", "[sluice]") {
    const std::string s = "spec.template.spec.";
    const std::string c = "spec.template.spec.containers[0].";
    const std::vector<std::pair<std::string, Lines>> table{
        {service_with("      containerConcurrency: -1\n"),
         {"8 error " + s + "containerConcurrency: must be an integer from 0 to 1000, not \"-1\""}},
        {service_with("      containerConcurrency: \"1\"\n"),
         {"8 error " + s + "containerConcurrency: must be a number: write 1 without quotes"}},
        {service_with("      timeoutSeconds: 900\n"),
         {"8 warning " + s +
          "timeoutSeconds: is more than 600, a stock cluster refuses it (config-defaults: "
          "max-revision-timeout-seconds)"}},
        {service_with("      idleTimeoutSeconds: 301\n"),
         {"8 error " + s + "idleTimeoutSeconds: must be at most timeoutSeconds (300)"}},
        {service_with("      responseStartTimeoutSeconds: 40\n      timeoutSeconds: 30\n"),
         {"8 error " + s + "responseStartTimeoutSeconds: must be at most timeoutSeconds (30)"}},
        {service_with("      volumes: []\n"),
         {"8 warning " + s + "volumes: has no meaning on one machine, ignored"}},
        {service_with("      containerConcurency: 1\n"),
         {"8 warning " + s +
          "containerConcurency: unknown field, ignored; did you mean containerConcurrency?"}},
        {service_with("", "      - image: other\n"),
         {"11 error " + s +
          "containers[1]: a second container (sidecar) is not supported on one machine"}},
        {service_with("", "        ports: [{containerPort: 8012}]\n"),
         {"11 warning " + c +
          "ports[0].containerPort: 8012 belongs to the queue-proxy in a cluster, Knative refuses "
          "it (8008, 8012, 8013, 8022, 9090, 9091)"}},
        {service_with("", "        ports: [{containerPort: 1}, {containerPort: 2}]\n"),
         {"11 error " + c + "ports[1]: a Knative container has one port, this one has 2"}},
        {service_with("", "        ports: [{containerPort: 0}]\n"),
         {"11 error " + c +
          "ports[0].containerPort: must be an integer from 1 to 65535, not \"0\""}},
        {service_with("", "        ports: [{name: web}]\n"),
         {"11 error " + c + "ports[0].name: must be http1 or h2c, not \"web\""}},
        {service_with("", "        env: [{name: PORT, value: x}]\n"),
         {"11 error " + c + "env[0].name: PORT is set by Knative itself"}},
        {service_with("", "        env: [{name: A, valueFrom: {}}]\n"),
         {"11 error " + c + "env[0].valueFrom: is not supported on one machine: give A a value"}},
        {service_with("", "        env: [{name: 1A, value: x}]\n"),
         {"11 error " + c +
          "env[0].name: \"1A\" is not a variable's name (letters, digits, '-', '_' and '.', not "
          "a digit first)"}},
        {service_with("", "        env: [{name: A, value: 1}]\n"),
         {"11 warning " + c +
          "env[0].value: must be a string: write \"1\" in quotes, Kubernetes refuses it"}},
        {service_with("", "        args: --x\n"), {"11 error " + c + "args: must be a list"}},
        {service_with("", "        resources: {limits: {nvidia.com/gpu: half}}\n"),
         {"11 error " + c +
          "resources.limits[nvidia.com/gpu]: must be a whole number of GPUs from 0 to 64"}},
        {service_with("", "        resources: {limits: {cpu: 1}}\n"),
         {"11 warning " + c + "resources.limits.cpu: is not enforced on one machine"}},
        {"apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: UPPER}\nspec: {}\n",
         {"1 error spec.template: is missing",
          "3 error metadata.name: \"UPPER\" is not a service name: at most 63 lower-case letters, "
          "digits and '-', a letter first, no '-' last"}},
        {"apiVersion: serving.knative.dev/v1\nkind: Service\nspec: {template: {spec: {}}}\n",
         {"1 error metadata.name: is missing",
          "3 error spec.template.spec.containers: needs one container"}},
        {"a: [1\n", {"2 error : is not YAML: end of sequence flow not found"}},
        {"a: b: c\n", {"1 error : is not YAML: illegal map value"}},
    };
    for (const auto& [yaml, lines] : table) {
        INFO(yaml);
        CHECK(problems_of(yaml) == lines);
    }
}

TEST_CASE("service file: annotations are judged where they stand", "[sluice]") {
    const std::string t = "spec.template.metadata.annotations[";
    const std::string m = "metadata.annotations[";
    const std::vector<std::tuple<const char*, const char*, Lines>> table{
        {"template",
         "sluice.dev/queue-limit: \"0\"",
         {"9 error " + t + "sluice.dev/queue-limit]: \"0\" is not an integer from 1 to 1000000"}},
        {"template",
         "sluice.dev/queue-limits: \"5\"",
         {"9 warning " + t +
          "sluice.dev/queue-limits]: unknown annotation, ignored; did you mean "
          "sluice.dev/queue-limit?"}},
        {"template",
         "autoscaling.knative.dev/maxScal: \"5\"",
         {"9 warning " + t +
          "autoscaling.knative.dev/maxScal]: unknown annotation, ignored; did you mean "
          "autoscaling.knative.dev/maxScale?"}},
        {"template",
         "autoscaling.knativ.dev/window: 9s",
         {"9 warning " + t +
          "autoscaling.knativ.dev/window]: unknown annotation, ignored; did you mean "
          "autoscaling.knative.dev/window?"}},
        {"template",
         "autoscaling.knative.dev/maxScale: 5",
         {"9 warning " + t +
          "autoscaling.knative.dev/maxScale]: must be a string: write \"5\" in quotes, Kubernetes "
          "refuses it"}},
        {"template", "example.com/anything: \"x\"", {}},
        {"service",
         "serving.knative.dev.alibabacloud/affinity: ip",
         {"6 error " + m + "serving.knative.dev.alibabacloud/affinity]: \"ip\" is not \"cookie\""}},
        {"service",
         "sluice.dev/queue-limit: \"5\"",
         {"6 warning " + m +
          "sluice.dev/queue-limit]: belongs to spec.template.metadata.annotations, ignored here"}},
        {"service",
         "autoscaling.knative.dev/window: 9s",
         {"6 error " + m +
          "autoscaling.knative.dev/window]: belongs to spec.template.metadata.annotations, Knative "
          "refuses it here"}},
        {"service", "serving.knative.dev/creator: me", {}},
    };
    for (const auto& [where, line, lines] : table) {
        INFO(line);
        CHECK(problems_of(annotated(where, line)) == lines);
    }
}

TEST_CASE("service file: a wrong autoscaling value names its valid range", "[sluice]") {
    const auto lines = problems_of(annotated("template", "autoscaling.knative.dev/window: 2s"));
    REQUIRE(lines.size() == 1);
    CHECK_THAT(lines[0], Catch::StartsWith("9 error spec.template.metadata.annotations["
                                           "autoscaling.knative.dev/window]: "));
    CHECK_THAT(lines[0], Catch::Contains("6s") && Catch::Contains("1h"));
}

TEST_CASE("service file: the Service's cookie annotations beat the template's", "[sluice]") {
    auto yaml = annotated("service", "serving.knative.dev.alibabacloud/cookie-name: outer");
    yaml.replace(yaml.find("    spec:\n      containers"), 0,
                 "    metadata:\n      annotations:\n"
                 "        serving.knative.dev.alibabacloud/cookie-name: inner\n"
                 "        serving.knative.dev.alibabacloud/affinity: cookie\n");
    const auto file = read_service_text(yaml);
    CHECK(file.problems.empty());
    CHECK(file.services.at(0).knobs.affinity == common::CookieAffinity{true, "outer", 1800s});
}

TEST_CASE("service file: a key that stands twice is an error", "[sluice]") {
    CHECK(problems_of(service_with("      timeoutSeconds: 1\n      timeoutSeconds: 2\n")) ==
          Lines{"9 error spec.template.spec.timeoutSeconds: is there twice in the same map"});
}

TEST_CASE("service file: a wrong ConfigMap is not used", "[sluice]") {
    const auto file = read_service_text(
        service_with("") +
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: config-autoscaler}\ndata:\n"
        "  stable-window: 1s\n  stable-windo: 60s\n  _example: anything\n");
    REQUIRE(file.problems.size() == 2);
    CHECK(file.problems[0].line == 16);
    CHECK(file.problems[0].severity == Severity::error);
    CHECK(file.problems[0].field == "data.stable-window");
    CHECK(text_of(file.problems[1]) ==
          "17 warning data.stable-windo: unknown key, ignored; did you mean stable-window?");
    CHECK(file.autoscaler.stable_window == common::Duration(60s));
}

TEST_CASE("service file: a file that cannot be read is one problem", "[sluice]") {
    const auto problems = [](const std::string& path) { return read_service_file(path).problems; };
    CHECK(problems("/nonexistent/file.yaml") ==
          Problems{{Severity::error, 0, "", "cannot be read: No such file or directory"}});
    CHECK(problems("/") == Problems{{Severity::error, 0, "", "is a directory"}});
    const auto big = std::filesystem::temp_directory_path() /
                     ("sluice-service-file-test-" + std::to_string(::getpid()) + ".yaml");
    const Problems too_large{{Severity::error, 0, "", "is larger than 4 MiB"}};
    std::ofstream(big) << std::string(std::size_t{4} << 20, '#');
    CHECK(problems(big) != too_large);
    std::ofstream(big, std::ios::app) << '#';
    CHECK(problems(big) == too_large);
    std::filesystem::remove(big);
}

TEST_CASE("service file: a thousand documents, and one more", "[sluice]") {
    const auto documents = [](int count) {
        std::string text;
        for (int i = 0; i < count; ++i)
            text += "---\nkind: Other\n";
        return text;
    };
    const auto said = [](const std::string& text) {
        std::string all;
        for (const Problem& problem : read_service_text(text).problems)
            all += problem.message + "\n";
        return all;
    };
    CHECK(said(documents(1000)).find("too many documents") == std::string::npos);
    CHECK(said(documents(1001)).find("too many documents") != std::string::npos);
}

TEST_CASE("service file: hostile YAML ends, with a problem", "[sluice]") {
    for (const std::string& text :
         {std::string(","), std::string("a: b\n---\n]\n"), std::string("}"), std::string("---\n,"),
          std::string(100'000, '['), std::string(100'000, '{'), std::string("&a [*a]\n"),
          std::string("a: &x [*x, *x]\nkind: *x\napiVersion: *x\n"), std::string("\xff\xfe\x00", 3),
          std::string("%YAML 9.9\n---\n"), std::string("? [a]\n: b\n"), std::string(1, '\0'),
          std::string("kind: {a: b}\napiVersion: [c]\n"), std::string("!!binary x\n")}) {
        INFO(text.substr(0, 40));
        CHECK(read_service_text(text).has_errors());
    }
}
