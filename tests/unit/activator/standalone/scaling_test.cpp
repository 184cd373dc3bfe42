// What the leader writes to the API server, and when: counts of Deployments and deletion costs of
// pods. Kubernetes and the pods' queue-proxies are the test's.
#include "activator/standalone/scaling.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>

#include "common/http/simple_response.hpp"
#include "common/protocol/stat_message.hpp"
#include "tests/support/fake_api_server.hpp"

namespace activator::standalone {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

const std::string deployment = "/apis/apps/v1/namespaces/shop/deployments/sd";
const std::string pods = "/api/v1/namespaces/shop/pods/";

// An address of this process alone: all queue-proxies serve at the same two ports.
std::string own_address(int number) {
    const int process = getpid();
    return "127." + std::to_string(100 + process / 250 % 150) + "." +
           std::to_string(1 + process % 250) + "." + std::to_string(number);
}

// What a pod's queue-proxy says: that it is ready, and what it did in the last second.
class QueueProxy {
  public:
    QueueProxy(common::TaskGroup& tasks, common::TimeSource& time, common::HangupWatch& hangups,
               const std::string& host)
        : main_(tasks, time, hangups, {}, [](common::Exchange& client) { return ready(client); }),
          stats_(tasks, time, hangups, {},
                 [this](common::Exchange& client) { return say(client); }) {
        REQUIRE(main_.open({host, queue_proxy_port, {}}).empty());
        REQUIRE(stats_.open({host, queue_proxy_stats_port, {}}).empty());
        main_.start();
        stats_.start();
    }
    void close() {
        main_.close_now();
        stats_.close_now();
    }

    common::Stat stat;
    int asked = 0;

  private:
    static common::awaitable<void> ready(common::Exchange& client) {
        co_await common::respond_text(client, 200, "queue");
    }
    common::awaitable<void> say(common::Exchange& client) {
        ++asked;
        co_await common::respond_text(client, 200, common::encode_stat(stat));
    }

    common::HttpServer main_;
    common::HttpServer stats_;
};

using Names = std::vector<std::string>;

GatewayOptions options() {
    GatewayOptions made;
    made.cookie_keys = {"0123456789abcdef"};
    return made;
}

struct Fixture : common::ShellFixture {
    Fixture() {
        source->on_change([this](const ObjectName& changed) { scaling->on_change(changed); });
        server->put(deployment, {{"metadata", {{"name", "sd"}}}, {"spec", {{"replicas", 0}}}});
    }
    ~Fixture() {
        scaling->end();
        gateway->close_now();
        for (auto& [pod, proxy] : proxies)
            proxy->close();
        common::run_until(io, [this] {
            time.advance(seconds(1));
            return tasks.size() == 0 && served.size() == 0;
        });
    }

    // --- Kubernetes.
    // One slot each, and a pod for each request.
    void deploy(std::int64_t replicas) {
        const Annotations annotations{
            {"autoscaling.knative.dev/target-utilization-percentage", "100"},
            {"autoscaling.knative.dev/max-scale", "10"}};
        server->object(deployment)["spec"]["replicas"] = replicas;
        source->on_deployment({name, true, annotations, replicas});
        for (std::int64_t i = 1; i <= replicas; ++i)
            add_pod("p" + std::to_string(i));
        settle();
    }
    void add_pod(const std::string& pod) {
        const std::string host = own_address(static_cast<int>(proxies.size()) + 1);
        proxies[pod] = std::make_unique<QueueProxy>(served, time, hangups, host);
        server->put(pods + pod, {{"metadata", {{"name", pod}}}});
        PodObject object;
        object.name = {"shop", pod};
        object.deployment = "sd";
        object.ip = host;
        object.ready = object.proxied = true;
        objects[pod] = object;
        source->on_pod(object);
        REQUIRE(common::run_until(io, [&] { return view(pod).ready; }));
    }
    PodView view(const std::string& pod) const {
        return *gateway->router().pod_view(*source->pods_of(name).at(pod).routed);
    }
    // What the watch would tell.
    void tell_of(const std::string& pod) {
        objects[pod].marked = is_marked(pod);
        source->on_pod(objects[pod]);
    }
    // More pods than the Deployment says: those with a mark go, else the newest.
    void reap() {
        while (static_cast<std::int64_t>(objects.size()) > replicas()) {
            const Names candidates = marked();
            const std::string pod =
                candidates.empty() ? objects.rbegin()->first : candidates.front();
            gone.push_back(pod);
            source->on_pod_gone({"shop", pod});
            objects.erase(pod);
            proxies[pod]->close();
        }
    }
    std::int64_t replicas() const {
        return server->object(deployment)["spec"]["replicas"].get<std::int64_t>();
    }
    bool is_marked(const std::string& pod) const {
        const json& metadata = server->object(pods + pod)["metadata"];
        return metadata.contains("annotations") && metadata["annotations"].contains(deletion_cost);
    }
    Names marked() const {
        Names found;
        for (const auto& [pod, object] : objects) {
            if (is_marked(pod)) found.push_back(pod);
        }
        return found;
    }

    // --- Time and load.
    // What was set off has come to rest.
    void settle() {
        REQUIRE(common::run_until(io, [this] {
            time.settle();
            return tasks.size() == 0;
        }));
    }
    // So long, with `load` said by `activator` each second.
    void pass(Duration all, double load = 0) {
        for (Duration passed{}; passed < all; passed += seconds(1)) {
            if (load > 0) say({load, 0, load, 0});
            time.advance(seconds(1));
            settle();
            reap();
        }
    }
    void say(LoadBook::Load load, const std::string& activator = "one") {
        scaling->on_reports(activator, {{"shop", "sd", load}});
    }
    // So many requests, and no slot for any.
    void burst(double requests) { say({requests, requests, requests, requests}); }
    // With one request for a stable window; when too many pods begin to be marked, three wait.
    void burst_while_marking() {
        bool marking = false;
        server->before = [this, &marking](const FakeApiServer::Call& call) {
            if (marking || call.method != "PATCH" || !call.target.starts_with(pods)) return;
            marking = true;
            server->fall_silent();
        };
        for (int second = 0; second < 70 && !marking; ++second) {
            say({1, 0, 1, 0});
            time.advance(seconds(1));
            REQUIRE(common::run_until(io, [&] { return marking || tasks.size() == 0; }));
        }
        REQUIRE(marking);
        burst(3);
        time.advance(milliseconds(200));  // until it is looked at
        server->speak_again();
        settle();
        server->before = nullptr;
    }
    // A request of this activator that runs until the fixture ends.
    void run_request() {
        auto ticket = std::make_unique<Ticket>(io.get_executor());
        ticket->revision = source->workloads().at(name).id;
        REQUIRE(gateway->router().arrive(*ticket, {}, 100) == Refusal::none);
        REQUIRE(ticket->state == Ticket::State::assigned);
        tickets.push_back(std::move(ticket));
    }
    std::string pod_of(const Ticket& ticket) const {
        return gateway->router().pod(ticket.pod)->name;
    }

    const ObjectName name{"shop", "sd"};
    common::TaskGroup served{io.get_executor()};
    std::unique_ptr<FakeApiServer> server{new FakeApiServer(io, time, hangups)};
    kubernetes::ApiClient api{time, server->access()};
    std::unique_ptr<Gateway> gateway{new Gateway(tasks, time, hangups, options())};
    std::unique_ptr<WorkloadSource> source{new WorkloadSource(*gateway)};
    std::vector<std::string> lines;
    std::unique_ptr<Scaling> scaling{new Scaling(
        {*gateway, *source, api, tasks, time,
         [this](const std::string&, const std::string& line) { lines.push_back(line); }})};
    std::map<std::string, std::unique_ptr<QueueProxy>> proxies;
    std::map<std::string, PodObject> objects;
    Names gone;  // pods, in their order
    std::vector<std::unique_ptr<Ticket>> tickets;
};

}  // namespace

// --- More pods.

TEST_CASE_METHOD(Fixture, "scaling: requests without a slot get their pods at once",
                 "[activator][standalone]") {
    deploy(0);
    scaling->begin();
    burst(3);
    settle();
    CHECK(replicas() == 3);
    REQUIRE(server->writes().size() == 1);
    CHECK(server->writes()[0].target == deployment + "/scale");
    CHECK(server->writes()[0].content_type == "application/merge-patch+json");
    CHECK(server->writes()[0].body == json{{"spec", {{"replicas", 3}}}});
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].starts_with("shop/sd: "));
    // The same requests once more ask for nothing more; more of them do, up to max-scale.
    burst(3);
    settle();
    CHECK(server->writes().size() == 1);
    burst(40);
    settle();
    CHECK(replicas() == 10);
}

TEST_CASE_METHOD(Fixture, "scaling: the requests of all activators count",
                 "[activator][standalone]") {
    deploy(0);
    scaling->begin();
    say({1, 1, 1, 1}, "one");
    say({1, 1, 1, 1}, "two");
    settle();
    CHECK(replicas() == 2);
}

TEST_CASE_METHOD(Fixture, "scaling: who does not lead writes nothing", "[activator][standalone]") {
    deploy(0);
    burst(3);
    pass(seconds(5), 3);
    CHECK(server->writes().empty());
    scaling->begin();
    scaling->end();
    burst(3);
    pass(seconds(5), 3);
    CHECK(server->writes().empty());
}

TEST_CASE_METHOD(Fixture, "scaling: one that stops leading writes nothing that it had decided",
                 "[activator][standalone]") {
    deploy(0);
    scaling->begin();
    burst(3);
    scaling->end();  // before the write goes out
    settle();
    CHECK(server->writes().empty());
}

TEST_CASE_METHOD(Fixture, "scaling: a write that fails is tried again", "[activator][standalone]") {
    deploy(0);
    scaling->begin();
    server->refused["PATCH " + deployment + "/scale"] = 403;
    burst(2);
    settle();
    CHECK(replicas() == 0);
    const auto tried = server->writes().size();
    CHECK(tried == 1);
    pass(seconds(6), 2);
    CHECK(server->writes().size() > tried);
    CHECK(replicas() == 0);
    server->refused.clear();
    pass(seconds(2), 2);
    CHECK(replicas() == 2);
}

TEST_CASE_METHOD(Fixture, "scaling: an API server that is away is written to when it is back",
                 "[activator][standalone]") {
    deploy(0);
    scaling->begin();
    server->go_away();
    burst(2);
    pass(seconds(4), 2);
    server->come_back();
    pass(seconds(2), 2);
    CHECK(replicas() == 2);
}

TEST_CASE_METHOD(Fixture, "scaling: what is asked for while a write is under way follows it",
                 "[activator][standalone]") {
    deploy(0);
    scaling->begin();
    server->before = [this](const FakeApiServer::Call& call) {
        if (call.method == "PATCH" && call.body["spec"]["replicas"] == 2) burst(5);
    };
    burst(2);
    settle();
    CHECK(replicas() == 5);
    CHECK(server->writes().size() == 2);
}

// --- Fewer pods.

TEST_CASE_METHOD(Fixture, "scaling: a new leader keeps what it finds for a stable window",
                 "[activator][standalone]") {
    deploy(4);
    scaling->begin();
    pass(seconds(59), 1);
    CHECK(server->writes().empty());
    pass(seconds(10), 1);
    CHECK(replicas() == 1);
}

TEST_CASE_METHOD(Fixture, "scaling: a new leader goes on where the one before ended",
                 "[activator][standalone]") {
    deploy(2);
    scaling->begin();
    // Four more than there are pods for: all six are there for them, not four.
    say({6, 6, 6, 4});
    time.advance(milliseconds(200));  // they might have had a slot by now
    settle();
    CHECK(replicas() == 6);
}

TEST_CASE_METHOD(Fixture, "scaling: only idle pods go, and they are marked before the count",
                 "[activator][standalone]") {
    deploy(4);
    run_request();  // ours
    const std::string ours = pod_of(*tickets.front());
    const std::string others = ours == "p2" ? "p3" : "p2";  // another activator's
    proxies[others]->stat.average_concurrent_requests = 1;
    scaling->begin();
    std::vector<std::string> order;
    server->before = [&order](const FakeApiServer::Call& call) {
        if (call.method != "GET") order.push_back(call.target);
    };
    // One request, it seems: three pods are too many, but only two of them are idle.
    pass(seconds(70), 1);
    CHECK(replicas() == 2);
    REQUIRE(gone.size() == 2);
    for (const std::string& pod : gone) {
        CHECK(pod != ours);
        CHECK(pod != others);
        CHECK(server->object(pods + pod)["metadata"]["annotations"][deletion_cost] == "-100");
    }
    REQUIRE(order.size() >= 3);
    CHECK(order[0].starts_with(pods));
    CHECK(order[1].starts_with(pods));
    CHECK(order[2] == deployment + "/scale");
}

TEST_CASE_METHOD(Fixture, "scaling: a pod that had a request in the last second is not idle",
                 "[activator][standalone]") {
    deploy(2);
    for (auto& [pod, proxy] : proxies)
        proxy->stat.request_count = 1;
    scaling->begin();
    pass(seconds(80), 1);
    CHECK(replicas() == 2);
    CHECK(server->writes().empty());
    CHECK(proxies["p1"]->asked > 0);
    for (auto& [pod, proxy] : proxies)
        proxy->stat.request_count = 0;
    pass(seconds(2), 1);
    CHECK(replicas() == 1);
}

TEST_CASE_METHOD(Fixture, "scaling: the last pod goes without a mark", "[activator][standalone]") {
    deploy(1);
    scaling->begin();
    pass(seconds(150));
    CHECK(replicas() == 0);
    CHECK(server->writes(pods).empty());
}

TEST_CASE_METHOD(Fixture, "scaling: without the right to mark only the last pod goes",
                 "[activator][standalone]") {
    deploy(2);
    for (const auto& [pod, proxy] : proxies)
        server->refused["PATCH " + pods + pod] = 403;
    scaling->begin();
    pass(seconds(80), 1);
    CHECK(replicas() == 2);
    CHECK_FALSE(server->writes(pods).empty());
    source->on_pod_gone({"shop", "p2"});
    objects.erase("p2");
    server->object(deployment)["spec"]["replicas"] = 1;
    source->set_replicas(name, 1);
    pass(seconds(150));
    CHECK(replicas() == 0);
}

TEST_CASE_METHOD(Fixture, "scaling: a burst that comes while pods are being marked keeps them",
                 "[activator][standalone]") {
    deploy(3);
    scaling->begin();
    burst_while_marking();
    CHECK(replicas() == 3);
    CHECK(server->writes(deployment).empty());
}

TEST_CASE_METHOD(Fixture, "scaling: marks of pods that stay are taken away",
                 "[activator][standalone]") {
    deploy(3);
    scaling->begin();
    burst_while_marking();
    const Names stay = marked();
    REQUIRE_FALSE(stay.empty());
    for (const std::string& pod : stay)
        tell_of(pod);
    pass(seconds(13), 3);  // Kubernetes has its time
    CHECK(marked() == stay);
    pass(seconds(3), 3);
    CHECK(marked().empty());
    CHECK(replicas() == 3);
}

TEST_CASE_METHOD(Fixture, "scaling: marks that another leader left are taken away",
                 "[activator][standalone]") {
    deploy(2);
    server->object(pods + "p1")["metadata"]["annotations"][deletion_cost] = "-100";
    tell_of("p1");
    scaling->begin();
    pass(seconds(2), 2);
    CHECK(marked().empty());
    // Null takes it out of the object.
    REQUIRE(server->writes(pods + "p1").size() == 1);
    CHECK(server->writes(pods + "p1")[0].body["metadata"]["annotations"][deletion_cost].is_null());
}

TEST_CASE_METHOD(Fixture, "scaling: one that is lost in the middle of a scale-in writes no count",
                 "[activator][standalone]") {
    deploy(3);
    scaling->begin();
    server->before = [this](const FakeApiServer::Call& call) {
        if (call.method == "PATCH" && call.target.starts_with(pods)) scaling->end();
    };
    pass(seconds(70), 1);
    CHECK_FALSE(marked().empty());
    CHECK(server->writes(deployment).empty());
}

TEST_CASE_METHOD(Fixture, "scaling: a Deployment that goes in the middle is forgotten",
                 "[activator][standalone]") {
    deploy(3);
    scaling->begin();
    server->before = [this](const FakeApiServer::Call& call) {
        if (call.method != "PATCH" || !call.target.starts_with(pods)) return;
        server->before = nullptr;
        source->on_deployment_gone(name);
    };
    pass(seconds(70), 1);
    CHECK(server->writes(deployment).empty());
    burst(3);
    pass(seconds(3), 3);
    CHECK(server->writes(deployment).empty());
}

}  // namespace activator::standalone
