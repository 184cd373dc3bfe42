// Each tests/data/service/NAME.yaml has a NAME.txt: what `sluice check NAME.yaml` prints, and the
// exit code on the last line.
#include "sluice/check.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <vector>

#include <catch2/catch.hpp>

namespace fs = std::filesystem;

namespace {

std::string read_all(const fs::path& path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

struct Run {
    int code;
    std::string out;
    std::string err;
};

Run check(const std::vector<std::string>& files) {
    std::ostringstream out;
    std::ostringstream err;
    const int code = sluice::run_check(files, out, err);
    return {code, out.str(), err.str()};
}

std::string without(std::string text, const std::string& prefix) {
    for (auto at = text.find(prefix); at != std::string::npos; at = text.find(prefix, at))
        text.erase(at, prefix.size());
    return text;
}

}  // namespace

TEST_CASE("check: the files of tests/data/service print what stands beside them", "[sluice]") {
    const fs::path folder = SLUICE_SOURCE_DIR "/tests/data/service";
    int files = 0;
    for (const auto& entry : fs::directory_iterator(folder)) {
        if (entry.path().extension() != ".yaml") continue;
        ++files;
        INFO(entry.path().filename());
        const auto run = check({entry.path()});
        const auto printed = run.out + run.err + "exit " + std::to_string(run.code) + "\n";
        CHECK(without(printed, folder.string() + "/") ==
              read_all(fs::path(entry.path()).replace_extension(".txt")));
    }
    CHECK(files >= 4);
}

TEST_CASE("check: a missing file is one clear line, and the others are still checked", "[sluice]") {
    const auto run = check({"/nonexistent.yaml", SLUICE_SOURCE_DIR "/manifests/demo.yaml"});
    CHECK(run.code == 1);
    CHECK(run.err == "/nonexistent.yaml: error: cannot be read: No such file or directory\n");
    CHECK_THAT(run.out, Catch::StartsWith("service sd-demo (namespace default"));
}

TEST_CASE("check: the manifests that we ship are without a problem", "[sluice]") {
    const auto run = check({SLUICE_SOURCE_DIR "/manifests/stable-diffusion.yaml",
                            SLUICE_SOURCE_DIR "/manifests/demo.yaml"});
    CHECK(run.code == 0);
    CHECK(run.err.empty());
    CHECK(run.out.find("warning") == std::string::npos);
    CHECK_THAT(run.out, Catch::Contains("ignored: annotation k8s.aliyun.com/eci-use-specs"));
}
