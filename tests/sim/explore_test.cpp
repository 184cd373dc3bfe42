// Every story that two pods and three requests can live through, up to a depth, against the
// reference scheduler; then long random stories with more of both.
//
// The search is breadth-first over states of the reference (which has no hidden state): each
// distinct state is reached once, by the shortest story, and every possible next call is tried on
// it with a real scheduler that has lived through the same story.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <set>

#include <catch2/catch.hpp>

#include "common/core/rng.hpp"
#include "tests/sim/twin_schedulers.hpp"

using namespace sim;

namespace {

constexpr PodId pod_a{1};
constexpr PodId pod_b{2};
constexpr std::uint64_t most_requests = 3;
const Limits small_limits{2};

struct Story {
    std::vector<Call> calls;
    std::uint64_t arrived = 0;
};

void add_request_calls(const reference::Scheduler& state, std::vector<Call>& calls) {
    for (const reference::Request& request : state.requests()) {
        if (!request.running) {
            calls.push_back({.kind = Call::Kind::abandon, .request = request.id});
            continue;
        }
        for (const Outcome outcome :
             {Outcome::done, Outcome::refused, Outcome::unreachable, Outcome::failed}) {
            calls.push_back(
                {.kind = Call::Kind::finish, .request = request.id, .outcome = outcome});
        }
        calls.push_back({.kind = Call::Kind::requeue, .request = request.id});
    }
}

void add_pod_calls(const reference::Scheduler& state, std::vector<Call>& calls) {
    for (const PodId id : {pod_a, pod_b}) {
        const reference::Pod* pod = state.find_pod(id);
        if (pod == nullptr || !pod->present) {
            calls.push_back({.kind = Call::Kind::add_pod, .pod = id});
            continue;
        }
        calls.push_back({.kind = Call::Kind::set_ready, .pod = id, .flag = true});
        if (pod->ready) calls.push_back({.kind = Call::Kind::set_ready, .pod = id});
        if (!pod->draining) calls.push_back({.kind = Call::Kind::drain, .pod = id});
        calls.push_back({.kind = Call::Kind::remove, .pod = id});
        calls.push_back({.kind = Call::Kind::grant, .pod = id});
        if (pod->reserved_until || pod->contested)
            calls.push_back({.kind = Call::Kind::reservation_lost, .pod = id});
        if (!pod->contested) calls.push_back({.kind = Call::Kind::reservation_open, .pod = id});
    }
}

std::vector<Call> next_calls(const Story& story, const reference::Scheduler& state, bool models) {
    std::vector<Call> calls;
    if (story.arrived < most_requests) {
        const RequestId id{story.arrived + 1};
        calls.push_back({.kind = Call::Kind::arrive, .request = id, .bytes = 1});
        calls.push_back({.kind = Call::Kind::arrive, .request = id, .pod = pod_a, .bytes = 1});
        calls.push_back({.kind = Call::Kind::arrive, .request = id, .pod = pod_a, .flag = true});
        for (ModelKey model = 1; model <= 2; ++model) {
            if (!models) break;
            calls.push_back({.kind = Call::Kind::arrive, .request = id, .model = model});
            calls.push_back(
                {.kind = Call::Kind::arrive, .request = id, .pod = pod_a, .model = model});
        }
    }
    add_request_calls(state, calls);
    add_pod_calls(state, calls);
    calls.push_back({.kind = Call::Kind::pass, .time = 50ms});
    calls.push_back({.kind = Call::Kind::pass, .time = 1s});
    return calls;
}

void fail_with(const Story& story, const std::string& problem) {
    std::string text = problem + "\n";
    for (const Call& call : story.calls)
        text += "  " + describe(call) + "\n";
    FAIL(text);
}

std::size_t explore(const RevisionPolicy& policy, std::size_t most_states, bool models) {
    Story first;
    first.calls = {{.kind = Call::Kind::add_pod, .pod = pod_a},
                   {.kind = Call::Kind::set_ready, .pod = pod_a, .flag = true},
                   {.kind = Call::Kind::add_pod, .pod = pod_b}};
    std::vector<Story> stories{first};
    std::set<std::string> seen;
    std::size_t tried = 0;
    for (std::size_t i = 0; i < stories.size() && stories.size() < most_states; ++i) {
        Twins here(policy, small_limits);
        for (const Call& call : stories[i].calls)
            here.apply(call);
        for (const Call& call : next_calls(stories[i], here.expected(), models)) {
            Story story = stories[i];
            story.calls.push_back(call);
            story.arrived += call.kind == Call::Kind::arrive ? 1 : 0;
            Twins twins(policy, small_limits);
            ++tried;
            try {
                for (const Call& step : story.calls)
                    twins.apply(step);
            } catch (const std::runtime_error& problem) {
                fail_with(story, problem.what());
            }
            if (seen.insert(std::to_string(story.arrived) + twins.expected().fingerprint())
                    .second) {
                stories.push_back(std::move(story));
            }
        }
    }
    std::printf("explored %zu states by %zu calls, to depth %zu\n", seen.size(), tried,
                stories.back().calls.size() - first.calls.size());
    return stories.size();
}

RevisionPolicy small_policy() {
    RevisionPolicy policy;
    policy.queue_limit = 2;
    policy.cold_start_timeout = 2s;
    policy.queue_timeout = 2s;
    policy.backoff_first = 50ms;
    policy.backoff_max = 100ms;
    return policy;
}

// A build with sanitizers is some 40 times slower; it explores less.
#if __has_feature(address_sanitizer)
constexpr double usual_scale = 0.25;
#else
constexpr double usual_scale = 1.0;
#endif

double scale() {
    const char* text = std::getenv("SIM_EXPLORE");
    return text == nullptr ? usual_scale : std::atof(text);
}

struct RandomStory {
    explicit RandomStory(std::uint64_t seed) : rng(seed), models(seed % 2 == 0 ? 0 : seed % 5) {}
    RevisionPolicy policy();
    Call call(const reference::Scheduler& state);
    PodId any_pod() { return PodId{1 + rng.below(pods)}; }

    common::Rng rng;
    std::uint64_t next_request = 1;
    std::uint64_t pods = 5;
    std::uint64_t models = 0;
};

RevisionPolicy RandomStory::policy() {
    RevisionPolicy policy;
    policy.concurrency = static_cast<std::uint32_t>(rng.below(4));
    policy.queue_limit = 3 + rng.below(20);
    policy.cold_start_timeout = std::chrono::milliseconds(100 + rng.below(3000));
    policy.queue_timeout = std::chrono::milliseconds(100 + rng.below(3000));
    const std::uint64_t patience = rng.below(4);
    if (patience == 1) policy.affinity_patience = Duration{};
    if (patience > 1) policy.affinity_patience = std::chrono::milliseconds(rng.below(1500));
    if (models > 0 && rng.chance(0.5))
        policy.model_patience = std::chrono::milliseconds(rng.below(1500));
    return policy;
}

Call RandomStory::call(const reference::Scheduler& state) {
    Call call{.kind = Call::Kind::pass};
    // Coarse steps make deadlines fall together, fine ones make them fall between.
    if (rng.chance(0.6)) {
        call.time = rng.chance(0.3) ? std::chrono::milliseconds(50 * rng.below(20))
                                    : Duration(static_cast<std::int64_t>(rng.below(40'000'000)));
    }
    const auto& requests = state.requests();
    const double dice = rng.uniform();
    if (!requests.empty()) call.request = requests[rng.below(requests.size())].id;
    if (dice < 0.35) {
        call.kind = Call::Kind::arrive;
        call.request = RequestId{next_request++};
        call.flag = rng.chance(0.1);
        call.bytes = rng.below(10);
        if (rng.chance(0.5)) call.pod = any_pod();
        if (models > 0) call.model = rng.below(models + 1);
    } else if (dice < 0.70) {
        call.kind = Call::Kind::finish;
        call.outcome = rng.chance(0.7) ? Outcome::done : static_cast<Outcome>(rng.below(4));
    } else if (dice < 0.73) {
        call.kind = Call::Kind::requeue;
    } else if (dice < 0.78) {
        call.kind = Call::Kind::abandon;
    } else if (dice < 0.92) {
        call.pod = any_pod();
        const reference::Pod* pod = state.find_pod(*call.pod);
        const bool present = pod != nullptr && pod->present;
        call.kind = !present           ? Call::Kind::add_pod
                    : rng.chance(0.75) ? Call::Kind::set_ready
                    : rng.chance(0.5)  ? Call::Kind::drain
                                       : Call::Kind::remove;
        call.flag = call.kind == Call::Kind::set_ready && rng.chance(0.8);
    } else if (dice < 0.925) {
        call.kind = Call::Kind::set_policy;
        call.policy = policy();
    } else if (dice < 0.99) {
        call.pod = any_pod();
        call.kind = rng.chance(0.5)   ? Call::Kind::grant
                    : rng.chance(0.7) ? Call::Kind::reservation_open
                                      : Call::Kind::reservation_lost;
    }
    return call;
}

}  // namespace

TEST_CASE("exploration: two pods and three requests, every interleaving, against the reference",
          "[sim][explore]") {
    RevisionPolicy policy = small_policy();
    const int variant = GENERATE(0, 1, 2, 3, 4, 5, 6, 7, 8);
    if (variant == 1) policy.affinity_patience = 0s;
    if (variant == 2) policy.affinity_patience = 1s;
    if (variant == 3) policy.concurrency = 2;
    if (variant == 4) policy.concurrency = 0;
    if (variant == 6) policy.model_patience = 1s;
    if (variant == 7) policy.affinity_patience = 1s;
    if (variant == 8) policy.concurrency = 2;
    const auto states = static_cast<std::size_t>(20'000 * scale());
    CHECK(explore(policy, states, variant >= 5) >= states);
}

TEST_CASE("exploration: random stories of five pods, against the reference", "[sim][explore]") {
    const auto stories = static_cast<std::uint64_t>(400 * scale());
    for (std::uint64_t seed = 1; seed <= stories; ++seed) {
        RandomStory random(seed);
        Twins twins(random.policy(), {60});
        Story story;
        for (int i = 0; i < 500; ++i) {
            story.calls.push_back(random.call(twins.expected()));
            try {
                twins.apply(story.calls.back());
            } catch (const std::runtime_error& problem) {
                std::printf("seed %llu, step %d\n", static_cast<unsigned long long>(seed), i);
                fail_with(story, problem.what());
            }
        }
    }
    CHECK(stories > 0);
}
