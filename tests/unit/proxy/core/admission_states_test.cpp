// Admission against a plain model: every order of a few events, and long random ones. What must
// hold: running + held + granted never above the limit, no free slot beside a waiting line, nobody
// overtakes, every waiter is served or leaves, exactly once.
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "proxy/core/admission.hpp"

using namespace proxy;
using namespace std::chrono_literals;
using Kind = AdmissionAction::Kind;

namespace {

// The rules again, written for clearness: vectors, linear searches, no deadlines index.
class Model {
  public:
    Model(std::size_t limit, std::size_t depth, Duration lease)
        : limit_(limit), depth_(depth), lease_(lease) {}

    struct Entry {
        Instant time;
        std::uint64_t order;
        std::uint64_t id;
        std::uint64_t activator;  // of a reservation
        bool is_reservation;
    };
    struct Grant {
        std::uint64_t id;
        std::uint64_t activator;
        Instant until;
    };

    std::size_t taken() const { return running.size() + held.size() + grants.size(); }

    Verdict arrive(std::uint64_t id, WhenFull when_full, std::uint64_t activator, Instant now) {
        tick(now);
        const auto grant = std::find_if(grants.begin(), grants.end(), [&](const Grant& each) {
            return activator != 0 && each.activator == activator;
        });
        if (grant != grants.end()) {
            grants.erase(grant);
        } else if (taken() >= limit_) {
            const auto waiting = std::count_if(
                line.begin(), line.end(), [](const Entry& entry) { return !entry.is_reservation; });
            if (when_full == WhenFull::refuse || static_cast<std::size_t>(waiting) >= depth_) {
                return Verdict::refused;
            }
            line.push_back({now, ++order_, id, 0, false});
            return Verdict::queued;
        }
        running.push_back(id);
        return Verdict::admitted;
    }
    void abandon(std::uint64_t id, Instant now) {
        tick(now);
        std::erase_if(line, [&](const Entry& e) { return !e.is_reservation && e.id == id; });
    }
    void release(std::uint64_t id, Instant now) {
        std::erase(running, id);
        std::erase(held, id);
        tick(now);
    }
    void hold(std::uint64_t id, Instant now) {
        if (std::erase(running, id) > 0) held.push_back(id);
        tick(now);
    }
    void reserve(std::uint64_t id, std::uint64_t activator, Instant time, Instant now) {
        tick(now);
        if (taken() < limit_) {
            grants.push_back({id, activator, now + lease_});
        } else {
            line.push_back({std::min(time, now), ++order_, id, activator, true});
        }
    }
    void cancel(std::uint64_t id, Instant now) {
        tick(now);
        std::erase_if(line, [&](const Entry& e) { return e.is_reservation && e.id == id; });
        std::erase_if(grants, [&](const Grant& grant) { return grant.id == id; });
        tick(now);
    }
    void tick(Instant now) {
        for (const Grant& grant : grants) {
            if (grant.until <= now) log += "lapse " + std::to_string(grant.id) + " ";
        }
        std::erase_if(grants, [&](const Grant& grant) { return grant.until <= now; });
        while (!line.empty() && taken() < limit_) {
            const auto first =
                std::min_element(line.begin(), line.end(), [](const Entry& a, const Entry& b) {
                    return a.time != b.time ? a.time < b.time : a.order < b.order;
                });
            if (first->is_reservation) {
                grants.push_back({first->id, first->activator, now + lease_});
                log += "grant " + std::to_string(first->id) + " ";
            } else {
                running.push_back(first->id);
                log += "start " + std::to_string(first->id) + " ";
            }
            line.erase(first);
        }
    }

    std::vector<Entry> line;
    std::vector<std::uint64_t> running;
    std::vector<std::uint64_t> held;
    std::vector<Grant> grants;
    std::string log;

  private:
    std::size_t limit_;
    std::size_t depth_;
    Duration lease_;
    std::uint64_t order_ = 0;
};

struct World {
    Admission admission;
    Model model;
    Instant now;
    std::uint32_t arrived = 0;   // bit set of request ids
    std::uint32_t reserved = 0;  // bit set of reservation ids

    World(std::size_t limit, std::size_t depth)
        : admission({.concurrency = limit, .queue_depth = depth, .lease = 1s}, Instant(10s)),
          model(limit, depth, 1s),
          now(10s) {}
};

void must(bool condition, const char* what) {
    if (!condition) FAIL(what);
}

// Compares all that can be seen, and drops the actions.
void compare(World& world) {
    std::string log;
    for (const AdmissionAction& action : world.admission.actions()) {
        switch (action.kind) {
            case Kind::start:
                log += "start " + std::to_string(action.request.value) + " ";
                break;
            case Kind::grant:
                log += "grant " + std::to_string(action.reservation.value) + " ";
                must(action.until == world.now + 1s, "a lease is 1 s");
                break;
            case Kind::lapse:
                log += "lapse " + std::to_string(action.reservation.value) + " ";
                break;
            case Kind::hold_expired:
                FAIL("holds are unbounded here");
        }
    }
    world.admission.clear_actions();
    if (log != world.model.log) FAIL("actions '" << log << "', model '" << world.model.log << "'");
    world.model.log.clear();
    const AdmissionCounts counts = world.admission.counts();
    must(counts.running == world.model.running.size(), "running");
    must(counts.held == world.model.held.size(), "held");
    must(counts.granted == world.model.grants.size(), "granted");
    must(counts.waiting + counts.reserved == world.model.line.size(), "line");
    must(counts.running + counts.held + counts.granted <= world.admission.limits().concurrency,
         "the limit");
    world.admission.check_invariants();
}

enum class Op : std::uint8_t { queue, attempt, abandon, release, hold, reserve, cancel, tick };

// Does the operation on both, if it is legal in this state. `id` counts from 1.
bool apply(World& world, Op op, std::uint64_t id) {
    const std::uint32_t bit = 1U << (id % 32);
    const RequestId request{id};
    const auto has_slot = [&] {
        return std::count(world.model.running.begin(), world.model.running.end(), id) +
                   std::count(world.model.held.begin(), world.model.held.end(), id) >
               0;
    };
    switch (op) {
        case Op::queue:
        case Op::attempt: {
            if ((world.arrived & bit) != 0) return false;
            world.arrived |= bit;
            const auto mode = op == Op::queue ? WhenFull::queue : WhenFull::refuse;
            const std::uint64_t activator = op == Op::queue ? 0 : 1 + id % 2;
            const Verdict verdict = world.admission.arrive(
                {.id = request, .when_full = mode, .activator = {activator}}, world.now);
            must(verdict == world.model.arrive(id, mode, activator, world.now), "verdict");
            break;
        }
        case Op::abandon:
            if ((world.arrived & bit) == 0) return false;
            world.admission.abandon(request, world.now);
            world.model.abandon(id, world.now);
            break;
        case Op::release:
            if (!has_slot()) return false;
            world.admission.release(request, world.now);
            world.model.release(id, world.now);
            break;
        case Op::hold:
            if (!has_slot()) return false;
            world.admission.hold(request, Duration::max(), world.now);
            world.model.hold(id, world.now);
            break;
        case Op::reserve: {
            if ((world.reserved & bit) != 0) return false;
            world.reserved |= bit;
            const Instant time = world.now - std::chrono::milliseconds(700 * (id % 3));
            world.admission.reserve({.id = {id}, .activator = {1 + id % 2}, .request_time = time},
                                    world.now);
            world.model.reserve(id, 1 + id % 2, time, world.now);
            break;
        }
        case Op::cancel:
            if ((world.reserved & bit) == 0) return false;
            world.admission.cancel({id}, world.now);
            world.model.cancel(id, world.now);
            break;
        case Op::tick:
            world.now += 600ms;  // a lease survives one, not two
            world.admission.tick(world.now);
            world.model.tick(world.now);
            break;
    }
    compare(world);
    return true;
}

struct Move {
    Op op;
    std::uint64_t id;
};

std::uint64_t explore(const World& world, const std::vector<Move>& moves, int depth) {
    std::uint64_t visited = 1;
    if (depth == 0) return visited;
    for (const Move& move : moves) {
        World next = world;
        if (apply(next, move.op, move.id)) visited += explore(next, moves, depth - 1);
    }
    return visited;
}

}  // namespace

TEST_CASE("admission: every order of three requests and two reservations agrees with the model",
          "[proxy][core]") {
    std::vector<Move> moves;
    for (const std::uint64_t id : {1U, 2U, 3U}) {
        for (const Op op : {Op::queue, Op::attempt, Op::abandon, Op::release, Op::hold}) {
            moves.push_back({op, id});
        }
    }
    for (const std::uint64_t id : {1U, 2U}) {
        moves.push_back({Op::reserve, id});
        moves.push_back({Op::cancel, id});
    }
    moves.push_back({Op::tick, 0});
    for (const std::size_t limit : {1U, 2U}) {
        for (const std::size_t depth : {1U, 10U}) {
            CAPTURE(limit, depth);
            CHECK(explore(World(limit, depth), moves, 5) > 20'000);
        }
    }
}

TEST_CASE("admission: long random histories agree with the model and end empty", "[proxy][core]") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        std::mt19937_64 random(seed);
        const std::size_t limit = 1 + random() % 4;
        World world(limit, 1 + random() % 20);
        std::uint64_t next = 1;
        for (int event = 0; event < 3000; ++event) {
            const auto op = static_cast<Op>(random() % 8);
            const bool is_new = op == Op::queue || op == Op::attempt || op == Op::reserve;
            // Old ids are drawn from the last forty: waiting, running, gone, refused.
            const std::uint64_t id = is_new ? next++ : next - 1 - std::min(next - 1, random() % 40);
            world.now += std::chrono::milliseconds(random() % 120);
            world.admission.tick(world.now);
            world.model.tick(world.now);
            compare(world);
            world.arrived = world.reserved = is_new ? 0 : ~0U;
            apply(world, op, id);
        }
        while (!world.model.running.empty() || !world.model.held.empty()) {
            const bool is_held = world.model.running.empty();
            const auto id = is_held ? world.model.held.front() : world.model.running.front();
            REQUIRE(apply(world, Op::release, id));
        }
        for (int i = 0; i < 3000 && world.admission.next_deadline() != Instant::max(); ++i) {
            world.now = std::max(world.now, world.admission.next_deadline());
            world.admission.tick(world.now);
            world.model.tick(world.now);
            while (!world.model.running.empty()) {
                const auto id = world.model.running.front();
                world.admission.release({id}, world.now);
                world.model.release(id, world.now);
            }
            compare(world);
        }
        const AdmissionCounts counts = world.admission.counts();
        CHECK(counts.running + counts.held + counts.granted + counts.waiting + counts.reserved ==
              0);
    }
}
