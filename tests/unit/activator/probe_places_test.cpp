// How many probes run at once, and who comes first.
#include "activator/probe_places.hpp"

#include <memory>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/support/shell_fixture.hpp"

namespace activator {
namespace {

struct Fixture : common::ShellFixture {
    ~Fixture() {
        for (const auto& probe : probes)
            probe->done.notify();
        places.close();
        common::run_until(io, [this] { return tasks.size() == 0; });
    }

    // Takes a place and keeps it until done.
    struct Probe {
        explicit Probe(common::LoopExecutor executor) : done(executor) {}
        common::Signal done;
        bool ran = false;
        bool ended = false;
    };
    Probe& begin(bool late = false) {
        probes.push_back(std::make_unique<Probe>(tasks.executor()));
        tasks.spawn("probe", run(*probes.back(), late));
        time.settle();
        return *probes.back();
    }
    std::vector<Probe*> begin_many(std::size_t count, bool late = false) {
        std::vector<Probe*> begun;
        for (std::size_t i = 0; i < count; ++i)
            begun.push_back(&begin(late));
        return begun;
    }
    void end(Probe& probe) {
        probe.done.notify();
        time.settle();
        CHECK(probe.ended);
    }
    common::awaitable<void> run(Probe& probe, bool late) {
        const ProbePlaces::Place place = co_await places.take(late);
        probe.ran = bool(place);
        if (place) co_await probe.done.wait();
        probe.ended = true;
    }

    ProbePlaces places{tasks.executor()};
    std::vector<std::unique_ptr<Probe>> probes;
};

TEST_CASE("probe places: one more than there are waits, in order", "[activator]") {
    Fixture f;
    const std::vector<Fixture::Probe*> begun = f.begin_many(ProbePlaces::places_max);
    CHECK(begun.back()->ran);
    Fixture::Probe& next = f.begin();
    Fixture::Probe& after = f.begin();
    CHECK(!next.ran);
    f.end(*begun.front());
    CHECK(next.ran);
    CHECK(!after.ran);
    CHECK(f.places.taken() == ProbePlaces::places_max);
    f.end(next);
    CHECK(after.ran);
}

TEST_CASE("probe places: those that ran late leave some to the others", "[activator]") {
    Fixture f;
    const auto late = f.begin_many(ProbePlaces::places_late_max + 1, true);
    CHECK(late[ProbePlaces::places_late_max - 1]->ran);
    CHECK(!late[ProbePlaces::places_late_max]->ran);
    CHECK(f.begin().ran);
    f.end(*late.front());
    CHECK(late[ProbePlaces::places_late_max]->ran);
}

TEST_CASE("probe places: those that ran late come after the others", "[activator]") {
    Fixture f;
    const auto begun = f.begin_many(ProbePlaces::places_max);
    Fixture::Probe& late = f.begin(true);
    Fixture::Probe& fresh = f.begin();
    f.end(*begun[0]);
    CHECK(fresh.ran);
    CHECK(!late.ran);
    f.end(*begun[1]);
    CHECK(late.ran);
}

TEST_CASE("probe places: at the end everybody is let go without one", "[activator]") {
    Fixture f;
    const auto begun = f.begin_many(ProbePlaces::places_max);
    Fixture::Probe& waiting = f.begin();
    f.places.close();
    f.time.settle();
    CHECK(waiting.ended);
    CHECK(!waiting.ran);
    Fixture::Probe& later = f.begin();
    CHECK(later.ended);
    CHECK(!later.ran);
    f.end(*begun.front());
    CHECK(f.places.taken() == ProbePlaces::places_max - 1);
}

}  // namespace
}  // namespace activator
