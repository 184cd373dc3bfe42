// The file that names revisions and pods: what it says, and every way in which it can be wrong.
#include "activator/pod_file.hpp"

#include <catch2/catch.hpp>

#include "activator/app.hpp"

namespace activator {
namespace {

using std::chrono::seconds;

TEST_CASE("pod file: everything that it can say", "[activator]") {
    const PodFile file = parse_pod_file(R"({"revisions": [
        {"namespace": "n", "service": "sd", "name": "sd-1", "containerConcurrency": 2,
         "timeoutSeconds": 60, "responseStartTimeoutSeconds": 5, "idleTimeoutSeconds": 6,
         "annotations": {"sluice.dev/queue-limit": "7"},
         "pods": [{"name": "a", "address": "10.0.0.7:8012"},
                  {"name": "b", "address": "[fd00::7]:8012"}]},
        {"namespace": "n", "name": "bare"}]})");
    REQUIRE(file.problems.empty());
    REQUIRE(file.revisions.size() == 2);
    const Revision& first = file.revisions[0].revision;
    CHECK(first.name_space == "n");
    CHECK(first.service == "sd");
    CHECK(first.name == "sd-1");
    CHECK(first.concurrency == 2);
    CHECK(first.timeout == seconds(60));
    CHECK(first.response_start_timeout == seconds(5));
    CHECK(first.idle_timeout == seconds(6));
    CHECK(first.knobs.queue_limit == 7);
    REQUIRE(file.revisions[0].pods.size() == 2);
    CHECK(file.revisions[0].pods[0] == ListedPod{"a", {"10.0.0.7", 8012, {}}});
    CHECK(file.revisions[0].pods[1].address.host == "fd00::7");
    const Revision& bare = file.revisions[1].revision;
    CHECK(bare.concurrency == 0);
    CHECK(bare.timeout == seconds(300));
    CHECK(bare.session_scope() == "n/bare");
}

std::string with(const std::string& more) {
    return R"({"revisions": [{"namespace": "n", "name": "r")" + more + "}]}";
}

TEST_CASE("pod file: what is wrong is named, and nothing is taken over", "[activator]") {
    const auto problem_of = [](const std::string& text) {
        const PodFile file = parse_pod_file(text);
        CHECK(file.revisions.empty());
        REQUIRE_FALSE(file.problems.empty());
        return file.problems.front();
    };
    CHECK(problem_of("") == "not JSON");
    CHECK(problem_of("{\"revisions\": [}") == "not JSON");
    CHECK(problem_of("[]") == "revisions: must be an array");
    CHECK(problem_of("{}") == "revisions: must be an array");
    CHECK(problem_of(R"({"revisions": [1]})") == "revisions[0]: must be an object");
    CHECK(problem_of(R"({"revisions": [{"name": "r"}]})") ==
          "revisions[0].namespace: must be a text that is not empty");
    CHECK(problem_of(with(R"(, "service": 1)")) ==
          "revisions[0].service: must be a text that is not empty");
    CHECK(problem_of(with(R"(, "containerConcurrency": -1)")) ==
          "revisions[0].containerConcurrency: must be an integer from 0 to 1000");
    CHECK(problem_of(with(R"(, "timeoutSeconds": 1.5)")) ==
          "revisions[0].timeoutSeconds: must be an integer from 1 to 86400");
    CHECK(problem_of(with(R"(, "timeoutSeconds": 18446744073709551615)")) ==
          "revisions[0].timeoutSeconds: must be an integer from 1 to 86400");
    CHECK(problem_of(with(R"(, "annotations": "x")")) ==
          "revisions[0].annotations: must be an object");
    CHECK(problem_of(with(R"(, "annotations": {"sluice.dev/queue-limit": 1})")) ==
          "revisions[0].annotations.sluice.dev/queue-limit: must be a text");
    CHECK(problem_of(with(R"(, "annotations": {"sluice.dev/queue-limit": "x"})"))
              .starts_with("revisions[0].annotations.sluice.dev/queue-limit: "));
    CHECK(problem_of(with(R"(, "pods": "x")")) == "revisions[0].pods: must be an array");
    CHECK(problem_of(with(R"(, "pods": {"name": "a"})")) == "revisions[0].pods: must be an array");
    CHECK(problem_of(with(R"(, "pods": [[]])")) == "revisions[0].pods[0]: must be an object");
    const std::string address =
        "revisions[0].pods[0].address: must be IP:PORT (10.0.0.7:8012, [fd00::7]:8012)";
    for (const std::string bad :
         {":8012", "10.0.0.7", "10.0.0.7:0", "pod-a:8012", "10.0.0.7:99999"})
        CHECK(problem_of(with(R"(, "pods": [{"name": "a", "address": ")" + bad + "\"}]")) ==
              address);
    CHECK(problem_of(with(R"(, "pods": [{"name": "a", "address": "10.0.0.7:1"},
                                        {"name": "a", "address": "10.0.0.8:1"}])")) ==
          "revisions[0].pods[1].name: a second pod of this name");
    CHECK(problem_of(R"({"revisions": [{"namespace": "n", "name": "r"},
                                       {"namespace": "n", "name": "r"}]})") ==
          "revisions[1]: a second revision of this namespace and name");
}

TEST_CASE("cookie keys: one per line, the first signs", "[activator]") {
    std::string problem;
    CHECK(parse_cookie_keys("# old\n0123456789abcdef\r\n\nfedcba9876543210", problem) ==
          std::vector<std::string>{"0123456789abcdef", "fedcba9876543210"});
    CHECK(problem.empty());
    parse_cookie_keys("0123456789abcdef\nshort\n", problem);
    CHECK(problem == "line 2: a key has at least 16 characters");
    problem.clear();
    parse_cookie_keys("# nothing\n", problem);
    CHECK(problem == "has no key");
}

}  // namespace
}  // namespace activator
