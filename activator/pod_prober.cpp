#include "activator/pod_prober.hpp"

#include <utility>

#include "common/async/give_back_memory.hpp"
#include "common/async/sleep.hpp"
#include "common/protocol/headers.hpp"

namespace activator {
namespace {

// A start in a large house: each probe needs some 6 KiB while it runs, and then no more.
constexpr std::size_t crowd = 1000;

}  // namespace

common::FetchRequest probe_request(const common::Address& address, common::Duration timeout) {
    common::FetchRequest request;
    request.address = address;
    request.timeout = timeout;
    request.body_bytes_max = 1024;
    request.head.method = "GET";
    request.head.target = "/healthz";
    request.head.fields.add("User-Agent", "Knative-Activator-Probe");
    request.head.fields.add(common::headers::network_probe, "queue");
    return request;
}

bool says_ready(const common::FetchResult& result) {
    return !result.ec && result.head.status == 200 && result.body == "queue";
}

bool ran_late(const common::FetchResult& result) {
    return result.ec == boost::asio::error::timed_out;
}

PodProber::PodProber(common::TaskGroup& tasks, common::TimeSource& time, ProbePlaces& places,
                     Options options, OnReady on_ready)
    : tasks_(tasks),
      time_(time),
      places_(places),
      options_(options),
      on_ready_(std::move(on_ready)) {}

void PodProber::probe(common::PodId id, common::Address address, common::Duration after) {
    if (probed_.contains(id)) return;
    const std::uint64_t generation = ++last_generation_;
    probed_[id] = generation;
    tasks_.spawn("probe", run(id, std::move(address), generation, after));
}

void PodProber::forget(common::PodId id) {
    probed_.erase(id);
}

void PodProber::close() {
    probed_.clear();
}

bool PodProber::is_current(common::PodId id, std::uint64_t generation) const {
    const auto it = probed_.find(id);
    return it != probed_.end() && it->second == generation;
}

void PodProber::count_answered() {
    ++answered_;
    if (!probed_.empty()) return;
    if (answered_ >= crowd) common::give_back_memory();
    answered_ = 0;
}

common::awaitable<void> PodProber::run(common::PodId id, common::Address address,
                                       std::uint64_t generation, common::Duration after) {
    if (after > common::Duration::zero()) co_await common::sleep_for(time_, after);
    bool late = false;
    while (is_current(id, generation)) {
        const common::Instant begun = time_.now();
        const Answer answer = co_await ask(id, generation, address, late);
        if (!is_current(id, generation)) co_return;
        if (answer == Answer::ready) {
            probed_.erase(id);
            on_ready_(id);
            count_answered();
            co_return;
        }
        late = answer == Answer::late;
        const common::Duration spent = time_.now() - begun;
        if (spent < options_.period) co_await common::sleep_for(time_, options_.period - spent);
    }
}

common::awaitable<PodProber::Answer> PodProber::ask(common::PodId id, std::uint64_t generation,
                                                    const common::Address& address, bool late) {
    const ProbePlaces::Place place = co_await places_.take(late);
    if (!place || !is_current(id, generation)) co_return Answer::not_ready;
    common::FetchRequest request = probe_request(address, options_.timeout);
    const common::FetchResult result = co_await common::fetch(time_, std::move(request));
    if (says_ready(result)) co_return Answer::ready;
    co_return ran_late(result) ? Answer::late : Answer::not_ready;
}

}  // namespace activator
