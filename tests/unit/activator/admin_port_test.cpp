// The page and its data on the admin port, over memory streams: files, events, cancelling, and who
// may not.
#include "activator/admin_port.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/activator_fixture.hpp"
#include "tests/support/server_fixture.hpp"

namespace activator {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

GatewayOptions options() {
    GatewayOptions made;
    made.cookie_keys = {"0123456789abcdef"};
    made.metrics_of = common::of_sluice;
    return made;
}

struct Fixture : common::ServerFixture {
    Fixture()
        : ServerFixture([this](common::Exchange& client) { return admin->serve(client); }),
          gateway(new Gateway(tasks, time, hangups, options())),
          admin(new AdminPort(tasks, time, hangups, *gateway, {})) {
        REQUIRE(admin->open({"127.0.0.1", 0, {}}).empty());
        Revision revision;
        revision.name_space = "default";
        revision.service = "sd";
        revision.name = "sd-00001";
        id = gateway->add_revision(std::move(revision));
        admin->start();
    }
    ~Fixture() {
        for (const auto& ticket : tickets)
            gateway->router().abandon(*ticket);
        admin->close_now();
        gateway->close_now();
        for (const auto& client : clients)
            client->end();
        common::run_until(io, [this] { return tasks.size() == 0; });
    }

    std::string ask(const std::string& request) {
        clients.push_back(connect());
        return exchange(*clients.back(), request);
    }
    // What a new viewer has got so far.
    common::MemoryPeer& watch(const std::string& query = "") {
        clients.push_back(connect());
        clients.back()->send(common::get("/api/events" + query));
        time.settle();
        return *clients.back();
    }
    Ticket& wait_for_pod() {
        tickets.push_back(std::make_unique<Ticket>(io.get_executor()));
        tickets.back()->revision = id;
        gateway->router().arrive(*tickets.back(), {}, 1000);
        return *tickets.back();
    }
    std::string cancel(RequestId request, const std::string& fields,
                       const std::string& method = "POST") {
        return ask(method + " /api/requests/" + std::to_string(request.value) +
                   "/cancel HTTP/1.1\r\n" + fields + "Content-Length: 0\r\n\r\n");
    }

    std::unique_ptr<Gateway> gateway;
    std::unique_ptr<AdminPort> admin;
    RevisionId id;
    std::vector<std::unique_ptr<Ticket>> tickets;
    std::vector<std::shared_ptr<common::MemoryPeer>> clients;
};

std::size_t count(std::string_view text, std::string_view part) {
    std::size_t n = 0;
    for (std::size_t at = 0; (at = text.find(part, at)) != text.npos; at += part.size())
        ++n;
    return n;
}

// The data of the last event of this name.
nlohmann::json last_event(std::string_view text, const std::string& name) {
    const std::string start = "event: " + name + "\ndata: ";
    const std::size_t at = text.rfind(start);
    REQUIRE(at != text.npos);
    const std::size_t from = at + start.size();
    return nlohmann::json::parse(text.substr(from, text.find('\n', from) - from));
}

const std::string same_site = "Host: 127.0.0.1:8081\r\nX-Sluice-Admin: cancel\r\n";

}  // namespace

TEST_CASE("admin: the page comes with its files, and with a policy that lets nothing else in",
          "[activator]") {
    Fixture f;
    const std::string page = f.ask(common::get("/"));
    CHECK(status_of(page) == 200);
    CHECK(field_of(page, "Content-Type") == "text/html; charset=utf-8");
    CHECK(contains(field_of(page, "Content-Security-Policy"), "default-src 'none'"));
    CHECK(contains(page, "<title>Sluice</title>"));
    CHECK(field_of(f.ask(common::get("/page/page.js")), "Content-Type") ==
          "text/javascript; charset=utf-8");
    CHECK(status_of(f.ask(common::get("/page/chart.min.js"))) == 200);
    CHECK(status_of(f.ask(common::get("/page/nothing.js"))) == 404);
    CHECK(status_of(f.ask(common::get("/page//etc/passwd"))) == 404);
    CHECK(status_of(f.ask(common::get("/metrics"))) == 200);
    CHECK(status_of(f.ask("DELETE / HTTP/1.1\r\nHost: h\r\n\r\n")) == 405);
}

TEST_CASE("admin: no file of the page names another origin", "[activator]") {
    Fixture f;
    for (const std::string name : {"", "page/page.js", "page/charts.js", "page/style.css"}) {
        const std::string file = f.ask(common::get("/" + name));
        INFO(name);
        CHECK_FALSE(contains(file, "http://"));
        CHECK_FALSE(contains(file, "https://"));
        CHECK_FALSE(contains(file, "\"//"));
    }
}

TEST_CASE("admin: events tell the state, then only what changed", "[activator]") {
    Fixture f;
    common::MemoryPeer& viewer = f.watch();
    std::string got = viewer.take();
    CHECK(contains(got, "Content-Type: text/event-stream"));
    CHECK(last_event(got, "history")["columns"][0] == "at");
    CHECK(last_event(got, "state")["selected"]["waiting"] == 0);
    CHECK(contains(got, "\"key\":\"default/sd-00001\""));
    f.time.advance(milliseconds(1500));
    CHECK(viewer.take().empty());
    f.wait_for_pod();
    f.time.advance(milliseconds(500));
    got = viewer.take();
    CHECK(last_event(got, "state")["selected"]["waiting"] == 1);
    CHECK_FALSE(contains(got, "event: history"));
    f.admin->log("sd", "1 waiting, 0 ready -> 1 pod");
    f.time.advance(milliseconds(500));
    CHECK(last_event(viewer.take(), "log")[0]["text"] == "1 waiting, 0 ready -> 1 pod");
}

TEST_CASE("admin: a viewer gets an event each half second at most, a point each two",
          "[activator]") {
    Fixture f;
    common::MemoryPeer& viewer = f.watch();
    viewer.take();
    for (int i = 0; i < 100; ++i) {
        f.wait_for_pod();
        f.time.advance(milliseconds(100));
    }
    const std::string got = viewer.take();
    CHECK(count(got, "event: state") == 20);
    CHECK(count(got, "event: point") == 5);
}

TEST_CASE("admin: ten thousand waiting requests make no longer event than fifty", "[activator]") {
    Fixture f;
    for (int i = 0; i < 10'000; ++i)
        f.wait_for_pod();
    const std::string first = f.watch().take();
    CHECK(first.size() < 20'000);
    nlohmann::json state = last_event(first, "state")["selected"];
    CHECK(state["waiting"] == 10'000);
    CHECK(state["queue"]["rows"].size() == queue_rows_max);
    CHECK(state["queue"]["rows"][0]["position"] == 1);
    state = last_event(f.watch("?revision=default%2Fsd-00001&from=9950").take(), "state");
    CHECK(state["selected"]["queue"]["rows"][49]["position"] == 10'000);
    // A part that is not there any more: the last one.
    state = last_event(f.watch("?from=123456789").take(), "state");
    CHECK(state["selected"]["queue"]["from"] == 9950);
}

TEST_CASE("admin: the number of viewers is bounded, and a place is free when one leaves",
          "[activator]") {
    Fixture f;
    for (std::size_t i = 0; i < LiveStream::viewers_max; ++i)
        CHECK(contains(f.watch().take(), "200 OK"));
    const std::string refused = f.watch().take();
    CHECK(status_of(refused) == 503);
    CHECK(contains(refused, "too-many-viewers"));
    f.clients.front()->end();
    f.time.settle();
    CHECK(contains(f.watch().take(), "200 OK"));
}

TEST_CASE("admin: a request is cancelled by a POST of the page itself only", "[activator]") {
    Fixture f;
    Ticket& ticket = f.wait_for_pod();
    const RequestId id = ticket.id;
    const auto refused = [&](const std::string& fields) {
        const std::string answer = f.cancel(id, fields);
        CHECK(status_of(answer) == 403);
        CHECK(contains(answer, "urn:sluice:problem:cross-site"));
        CHECK(ticket.state == Ticket::State::waiting);
    };
    refused("Host: 127.0.0.1:8081\r\n");
    refused(same_site + "Origin: http://evil.example\r\n");
    refused(same_site + "Origin: null\r\n");
    refused(same_site + "Sec-Fetch-Site: cross-site\r\n");
    // DNS rebinding: a name of somebody else's that leads to loopback.
    refused("Host: evil.example\r\nOrigin: http://evil.example\r\nX-Sluice-Admin: cancel\r\n");
    const std::string get = f.cancel(id, same_site, "GET");
    CHECK(status_of(get) == 405);
    CHECK(field_of(get, "Allow") == "POST");
    CHECK(ticket.state == Ticket::State::waiting);

    const std::string done = f.cancel(
        id, same_site + "Origin: http://127.0.0.1:8081\r\nSec-Fetch-Site: same-origin\r\n");
    CHECK(status_of(done) == 204);
    CHECK(ticket.state == Ticket::State::cancelled);
    CHECK(contains(f.cancel(id, same_site), "urn:sluice:problem:not-waiting"));
    CHECK(status_of(f.ask("POST /api/requests/x1/cancel HTTP/1.1\r\n" + same_site +
                          "Content-Length: 0\r\n\r\n")) == 404);
}

TEST_CASE("admin: the estimate counts slots, and says nothing before it has learned",
          "[activator]") {
    Fixture f;
    f.wait_for_pod();
    nlohmann::json row = last_event(f.watch().take(), "state")["selected"]["queue"]["rows"][0];
    CHECK(row["estimate_s"].is_null());
    f.time.advance(seconds(3));
    CHECK(last_event(f.watch().take(), "state")["selected"]["queue"]["rows"][0]["waited_s"] == 3.0);
}

TEST_CASE("history: points are ten minutes at most, and quantiles are of the last one",
          "[activator]") {
    Fixture f;
    History history;
    RequestRecord record;
    record.status = 200;
    record.dispatches = 1;
    record.arrived = f.time.now();
    record.ended = record.arrived + seconds(10);
    record.run = seconds(8);
    history.sample(*f.gateway);
    f.gateway->account(f.id).totals.add(record);
    history.sample(*f.gateway);
    const HistoryPoint& point = history.points(f.id).back();
    CHECK(point.good == 1);
    CHECK(point.requests_per_s == Approx(0.5));
    CHECK(*point.p50 == Approx(7.5));
    CHECK_FALSE(point.busy);
    CHECK(history.mean_run(*f.gateway, f.id) == seconds(8));
    for (int i = 0; i < 1000; ++i)
        history.sample(*f.gateway);
    CHECK(history.points(f.id).size() == History::points_max);
    CHECK_FALSE(history.points(f.id).back().p50);
    // Nothing ran in the last minute: what ran before counts.
    CHECK(history.mean_run(*f.gateway, f.id) == seconds(8));
    CHECK(history.points(RevisionId{99}).empty());
}

TEST_CASE("admin: so many revisions and pods are shown, and how many there are", "[activator]") {
    Fixture f;
    const auto add = [&f](const std::string& name) {
        Revision revision;
        revision.name_space = "default";
        revision.service = name;
        revision.name = name + "-00001";
        return f.gateway->add_revision(std::move(revision));
    };
    RevisionId newest = f.id;
    for (std::size_t i = 1; i < revisions_listed_max; ++i)
        newest = add("s" + std::to_string(i));
    static_assert(revisions_listed_max == History::revisions_max);
    History history;
    history.sample(*f.gateway);
    CHECK(history.points(newest).size() == 1);
    nlohmann::json state = nlohmann::json::parse(state_json({}, *f.gateway, history));
    CHECK(state["revisions"].size() == revisions_listed_max);
    CHECK(state["revisions_total"] == revisions_listed_max);

    newest = add("one-more");
    history.sample(*f.gateway);
    CHECK(history.points(f.id).size() == 2);
    CHECK(history.points(newest).empty());
    state = nlohmann::json::parse(state_json({}, *f.gateway, history));
    CHECK(state["revisions"].size() == revisions_listed_max);
    CHECK(state["revisions_total"] == revisions_listed_max + 1);

    for (std::size_t i = 0; i <= pod_tiles_max; ++i) {
        if (i == pod_tiles_max) {
            state = nlohmann::json::parse(state_json({}, *f.gateway, history));
            CHECK(state["selected"]["pods"].size() == pod_tiles_max);
        }
        ReadyPod pod;
        pod.name = "sd-" + std::to_string(i);
        pod.address = {"127.0.0.1", 1, {}};
        f.gateway->add_ready_pod(f.id, std::move(pod));
    }
    state = nlohmann::json::parse(state_json({}, *f.gateway, history));
    CHECK(state["selected"]["pods"].size() == pod_tiles_max);
    CHECK(state["selected"]["pods_total"] == pod_tiles_max + 1);
}

TEST_CASE("event log: the last three hundred lines", "[activator]") {
    EventLog log;
    for (std::size_t i = 0; i < EventLog::lines_max; ++i)
        log.add({}, "sd", "line");
    CHECK(log.lines().size() == EventLog::lines_max);
    CHECK(log.lines().front().number == 1);
    log.add({}, "sd", "line");
    CHECK(log.lines().size() == EventLog::lines_max);
    CHECK(log.lines().front().number == 2);
    CHECK(log.last() == EventLog::lines_max + 1);
}

}  // namespace activator
