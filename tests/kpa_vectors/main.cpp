// kpa-vectors FILE...: evaluates files of Knative Pod Autoscaler vectors with the product's code.
//
// One line per failing vector (id, what was expected and what came out), then "N passed, N failed".
// Exit status 0; 1 if a vector failed; 64 if a file cannot be used at all.
#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/kpa_vectors/fields.hpp"
#include "tests/kpa_vectors/vectors.hpp"

namespace {

using namespace kpa_vectors;
using common::Instant;

constexpr int exit_failed = 1;
constexpr int exit_usage = 64;

struct Unusable : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct Tally {
    int passed = 0;
    int failed = 0;
};

std::string check(const Fields& vector, Instant base) {
    const std::string kind = vector.text("kind");
    if (kind == "scale") return check_scale(vector, base);
    if (kind == "timeline") return check_timeline(vector, base);
    if (kind == "window") return check_window(vector, base);
    if (kind == "applyScale") return check_apply_scale(vector);
    if (kind == "resolveTarget") return check_resolve_target(vector);
    if (kind == "assignSlice") return check_assign_slice(vector);
    if (kind == "numActivators") return check_activator_count(vector);
    if (kind == "sampleSize") return check_sample_size(vector);
    if (kind == "wire") return check_wire(vector);
    return "the kind " + kind + " is unknown";
}

Json load(const std::string& path) {
    std::ifstream file(path);
    if (!file) throw Unusable("cannot be read");
    Json json = Json::parse(file, nullptr, /*allow_exceptions=*/false);
    if (json.is_discarded()) throw Unusable("is not JSON");
    if (!json.is_object() || !json.contains("vectors") || !json["vectors"].is_array()) {
        throw Unusable("has no list `vectors`");
    }
    return json;
}

Instant read_base(const Json& json) {
    constexpr std::int64_t usual = 1'700'000'000;
    constexpr std::int64_t latest = 1LL << 32;
    if (!json.contains("meta")) return Instant(std::chrono::seconds(usual));
    const std::int64_t base = Fields(json["meta"], "meta").integer("baseUnixSeconds", usual);
    if (base < 0 || base > latest) throw Unusable("meta.baseUnixSeconds is out of range");
    return Instant(std::chrono::seconds(base));
}

void run_file(const std::string& path, Tally& tally) {
    const Json json = load(path);
    const Instant base = read_base(json);
    std::size_t position = 0;
    for (const Json& entry : json["vectors"]) {
        std::string id = "vector " + std::to_string(position++);
        std::string found;
        try {
            const Fields vector(entry);
            id = vector.text("id", id);
            found = check(vector, base);
        } catch (const FieldError& error) {
            found = error.what();
        }
        ++(found.empty() ? tally.passed : tally.failed);
        if (!found.empty()) std::printf("%s: %s\n", id.c_str(), found.c_str());
    }
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> paths(argv + 1, argv + argc);
    if (paths.empty()) {
        std::fprintf(stderr, "usage: kpa-vectors FILE...\n");
        return exit_usage;
    }
    Tally tally;
    for (const std::string& path : paths) {
        try {
            run_file(path, tally);
        } catch (const std::runtime_error& error) {
            std::fprintf(stderr, "kpa-vectors: %s: %s\n", path.c_str(), error.what());
            return exit_usage;
        }
    }
    std::printf("%d passed, %d failed\n", tally.passed, tally.failed);
    return tally.failed == 0 ? 0 : exit_failed;
}
