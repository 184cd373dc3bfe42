// The scheduler in a faulty world, by seed. See world.hpp for the faults, ledger.hpp for the
// invariants.
//
// SIM_SEED=N runs that seed only; SIM_EVENTS=N sets the number of events in all (default 1000000).
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include <catch2/catch.hpp>

#include "tests/sim/world.hpp"

namespace {

using namespace sim;

constexpr std::uint64_t events_per_seed = 20'000;

std::uint64_t from_environment(const char* name, std::uint64_t fallback) {
    const char* text = std::getenv(name);
    return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

const World* running_world = nullptr;
std::uint64_t running_seed = 0;

void print_failure(const char* what) {
    std::printf("SIM_SEED=%llu\n%s%s\n", static_cast<unsigned long long>(running_seed),
                running_world->trace().text().c_str(), what);
    std::fflush(stdout);
}

// A CHECK inside the scheduler aborts: say which seed it was before the process ends.
void on_abort(int) {
    if (running_world != nullptr) print_failure("(the scheduler's own CHECK failed)");
    std::signal(SIGABRT, SIG_DFL);
    std::raise(SIGABRT);
}

struct Result {
    std::uint64_t hash = 0;
    std::uint64_t events = 0;
    World::Totals totals;
    bool good = false;
};

Result run_seed(std::uint64_t seed, std::uint64_t events) {
    World world(seed);
    running_world = &world;
    running_seed = seed;
    const auto previous = std::signal(SIGABRT, on_abort);
    Result result;
    try {
        world.run(events);
        result.good = true;
    } catch (const std::logic_error& broken) {
        print_failure(broken.what());
    }
    std::signal(SIGABRT, previous);
    running_world = nullptr;
    result.hash = world.trace().hash();
    result.events = world.events();
    result.totals = world.totals();
    return result;
}

std::vector<std::uint64_t> fixed_seeds() {
    std::vector<std::uint64_t> seeds;
    std::ifstream file(SLUICE_SIM_SEEDS);
    for (std::string line; std::getline(file, line);) {
        if (!line.empty() && line[0] != '#') seeds.push_back(std::stoull(line));
    }
    return seeds;
}

}  // namespace

TEST_CASE("simulation: no invariant breaks in any world, and all come to rest", "[sim]") {
    std::vector<std::uint64_t> seeds = fixed_seeds();
    REQUIRE(seeds.size() >= 16);
    const std::uint64_t events_in_all = from_environment("SIM_EVENTS", 1'000'000);
    // Fresh seeds differ from run to run; a failure prints its own.
    std::uint64_t fresh = static_cast<std::uint64_t>(
        std::chrono::system_clock::now().time_since_epoch().count() / 1000 % 1'000'000'000'000);
    if (const std::uint64_t only = from_environment("SIM_SEED", 0)) {
        seeds = {only};
        fresh = 0;
    }
    std::uint64_t events = 0;
    World::Totals totals;
    std::size_t worlds = 0;
    while (worlds < seeds.size() || (fresh != 0 && events < events_in_all)) {
        const std::uint64_t seed = worlds < seeds.size() ? seeds[worlds] : fresh++;
        ++worlds;
        const Result result = run_seed(seed, events_per_seed);
        INFO("SIM_SEED=" << seed);
        REQUIRE(result.good);
        events += result.events;
        totals.add(result.totals);
        totals.lost += result.totals.lost;
        totals.lapsed += result.totals.lapsed;
    }
    std::printf(
        "simulated %zu worlds, %llu events: %llu arrived, %llu refused, %llu assignments "
        "(%llu granted, %llu passed an older one for their model), %llu done, %llu failed, %llu "
        "returned to their place, %llu left, %llu expired, %llu lost with their activator, %llu "
        "reservations lapsed\n",
        worlds, static_cast<unsigned long long>(events),
        static_cast<unsigned long long>(totals.arrived),
        static_cast<unsigned long long>(totals.refused),
        static_cast<unsigned long long>(totals.assigned),
        static_cast<unsigned long long>(totals.granted),
        static_cast<unsigned long long>(totals.passed),
        static_cast<unsigned long long>(totals.done),
        static_cast<unsigned long long>(totals.failed),
        static_cast<unsigned long long>(totals.returned),
        static_cast<unsigned long long>(totals.abandoned),
        static_cast<unsigned long long>(totals.expired),
        static_cast<unsigned long long>(totals.lost),
        static_cast<unsigned long long>(totals.lapsed));
    CHECK(totals.arrived == totals.refused + totals.done + totals.failed + totals.abandoned +
                                totals.expired + totals.lost);
    // A world in which nothing of a kind happened tests nothing of it.
    CHECK(totals.refused * totals.done * totals.failed * totals.returned > 0);
    CHECK(totals.abandoned * totals.expired > 0);
    CHECK(totals.granted * totals.lost * totals.lapsed > 0);
    CHECK(totals.passed > 0);
}

TEST_CASE("simulation: the same seed gives the same trace", "[sim]") {
    const Result first = run_seed(12345, 10'000);
    const Result second = run_seed(12345, 10'000);
    const Result other = run_seed(12346, 10'000);
    REQUIRE(first.good);
    CHECK(first.hash == second.hash);
    CHECK(first.events == second.events);
    CHECK(first.hash != other.hash);
}
