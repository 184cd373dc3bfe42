#include <catch2/catch.hpp>

#include "activator/kubernetes/core/activator_index.hpp"
#include "activator/kubernetes/core/cluster_domain.hpp"
#include "activator/kubernetes/core/report_book.hpp"
#include "activator/kubernetes/core/retry_pause.hpp"

using namespace std::chrono_literals;
using namespace activator::kubernetes;
using activator::ActivatorPlace;

TEST_CASE("cluster domain: the search entry after svc.") {
    REQUIRE(domain_of_resolv_conf("nameserver 10.96.0.10\n"
                                  "search knative-serving.svc.a.b svc.a.b a.b\n"
                                  "options ndots:5\n") == "a.b");
    REQUIRE(domain_of_resolv_conf("search svc.x.local.\n") == "x.local");
    REQUIRE(domain_of_resolv_conf("search example.com svc.\n").empty());
    REQUIRE(domain_of_resolv_conf("# search svc.no\nsearch\n").empty());
    REQUIRE(domain_of_resolv_conf("").empty());
}

TEST_CASE("activator index: the place of our own address among all, sorted (rows 33 to 35)") {
    const ActivatorPlace none;
    const ActivatorPlace second = place_among(
        {"10.0.0.3:8012", "10.0.0.1:8012", "10.0.0.2:8012", "10.0.0.1:8012"}, "10.0.0.2", none);
    REQUIRE(second.activators == 3);
    REQUIRE(second.index == 1U);
    // Serve mode: the pods stand there.
    const ActivatorPlace kept = place_among({"10.1.0.1:8012"}, "10.0.0.2", second);
    REQUIRE(kept.activators == 3);
    REQUIRE(kept.index == 1U);
    REQUIRE(place_among({}, "10.0.0.2", second).activators == 3);
    REQUIRE(place_among({"10.0.0.2:8012"}, "10.0.0.2", second).activators == 1);
    REQUIRE(place_among({"[fd00::2]:8012"}, "fd00::2", none).index == 0U);
    REQUIRE_FALSE(place_among({"10.0.0.22:8012"}, "10.0.0.2", none).index);
}

namespace {

struct Book {
    ReportBook::Report tick(double average, double requests, std::size_t inside) {
        now += 1s;
        const auto report = book.tick(id, {average, requests}, inside, now);
        REQUIRE(report.has_value());
        return *report;
    }
    ReportBook book;
    common::RevisionId id{7};
    Instant now = Instant(1000s);
};

}  // namespace

TEST_CASE("reports: the first one leaves out what the poke has said (rows 46, 47)") {
    Book rig;
    REQUIRE_FALSE(rig.book.tick(rig.id, {}, 0, rig.now));
    REQUIRE(rig.book.arrived(rig.id));
    REQUIRE_FALSE(rig.book.arrived(rig.id));
    const ReportBook::Report first = rig.tick(2, 2, 2);
    REQUIRE(first.average == 1);
    REQUIRE(first.requests == 1);
    const ReportBook::Report second = rig.tick(2, 0, 2);
    REQUIRE(second.average == 2);
    REQUIRE(second.requests == 0);
}

TEST_CASE("reports: a short first request is not told twice, nor below nothing") {
    Book rig;
    rig.book.arrived(rig.id);
    const ReportBook::Report first = rig.tick(0.25, 1, 0);
    REQUIRE(first.average == 0);
    REQUIRE(first.requests == 0);
}

TEST_CASE("reports: zeros for one window after the last request, then nothing (row 48)") {
    Book rig;
    rig.book.arrived(rig.id);
    rig.tick(1, 1, 0);
    for (int second = 0; second <= 60; ++second) {
        const ReportBook::Report zero = rig.tick(0, 0, 0);
        REQUIRE(zero.average == 0);
        REQUIRE(zero.requests == 0);
    }
    REQUIRE_FALSE(rig.book.holds(rig.id));
    REQUIRE(rig.book.arrived(rig.id));
}

TEST_CASE("reports: a request in the time of zeros pokes again (row 48)") {
    Book rig;
    rig.book.arrived(rig.id);
    rig.tick(1, 1, 0);
    rig.tick(0, 0, 0);
    REQUIRE(rig.book.arrived(rig.id));
    REQUIRE(rig.tick(1, 1, 1).average == 0);
    // A request that runs all the time, without arrivals, is not idle.
    REQUIRE(rig.tick(1, 0, 1).average == 1);
    REQUIRE_FALSE(rig.book.arrived(rig.id));
}

TEST_CASE("pauses: they grow to 11 to 17 s, with jitter (row 50)") {
    common::Rng rng(1);
    for (unsigned failures = 0; failures < 40; ++failures) {
        const common::Duration one = pause(autoscaler_pauses, failures, rng);
        REQUIRE(one >= 100ms);
        REQUIRE(one <= 17s);
        if (failures == 0) REQUIRE(one <= 150ms);
        if (failures > 25) REQUIRE(one >= 11s);
    }
    REQUIRE(pause(api_pauses, 1000, rng) <= 45s);
}
