// Two activators on loopback: who is believed, and what becomes of reports meanwhile.
#include "activator/standalone/peers.hpp"

#include <catch2/catch.hpp>

#include "common/crypto/digests.hpp"
#include "common/crypto/hmac.hpp"
#include "common/forward/fetch.hpp"
#include "tests/support/shell_fixture.hpp"

namespace activator::standalone {
namespace {

struct Fixture : common::ShellFixture {
    Fixture() {
        leader->set_keys({"0123456789abcdef"});
        other->set_keys({"0123456789abcdef"});
        REQUIRE(leader->open({"127.0.0.1", 0, {}}).empty());
        leader->start();
    }
    ~Fixture() {
        leader->close_now();
        other->close_now();
        common::run_until(io, [this] { return tasks.size() == 0; });
    }

    bool hears(std::size_t count) {
        return common::run_until(io, [this, count] { return heard.size() >= count; });
    }
    common::FetchResult ask(std::string method, std::string target, std::string body = {},
                            const std::string& signature = {}) {
        common::FetchRequest request;
        request.address = leader->local_address();
        request.head.method = std::move(method);
        request.head.target = std::move(target);
        request.body = std::move(body);
        if (!signature.empty()) request.head.fields.add("Sluice-Signature", signature);
        if (!request.body.empty())
            request.head.fields.add("Content-Length", std::to_string(request.body.size()));
        return common::run(io, common::fetch(time, std::move(request)));
    }

    bool leads = true;
    std::string health;
    std::vector<std::pair<std::string, RevisionReports>> heard;
    std::unique_ptr<Peers> leader{
        new Peers(tasks, time, hangups, "leader",
                  {[this](const std::string& activator, RevisionReports reports) {
                       if (leads) heard.emplace_back(activator, std::move(reports));
                       return leads;
                   },
                   [this] { return health; }})};
    std::unique_ptr<Peers> other{new Peers(tasks, time, hangups, "other", {})};
};

const RevisionReports one{{"shop", "sd", {1, 2, 3, 4}}};

}  // namespace

TEST_CASE_METHOD(Fixture, "peers: the leader hears what another activator says",
                 "[activator][standalone]") {
    other->send(leader->local_address(), one);
    REQUIRE(hears(1));
    CHECK(heard[0].first == "other");
    CHECK(heard[0].second == one);
}

TEST_CASE_METHOD(Fixture, "peers: what cannot go at once goes as one, the latest word of each",
                 "[activator][standalone]") {
    other->send(leader->local_address(), one);
    other->send(leader->local_address(), {{"shop", "sd", {9, 1, 9, 9}}, {"shop", "b", {}}});
    other->send(leader->local_address(), {{"shop", "sd", {5, 1, 5, 0}}});
    REQUIRE(hears(1));
    REQUIRE(common::run_until(io, [this] { return tasks.size() <= 1; }));
    CHECK(heard.size() == 1);
    // And all arrivals.
    const RevisionReports both{{"shop", "b", {}}, {"shop", "sd", {5, 4, 5, 0}}};
    CHECK(heard[0].second == both);
}

TEST_CASE_METHOD(Fixture, "peers: any of the keys is honoured, and no other",
                 "[activator][standalone]") {
    leader->set_keys({"new-key-of-sixteen", "0123456789abcdef"});
    other->send(leader->local_address(), one);
    REQUIRE(hears(1));
    leader->set_keys({"new-key-of-sixteen"});
    other->send(leader->local_address(), one);
    REQUIRE(common::run_until(io, [this] { return tasks.size() <= 1; }));
    CHECK(heard.size() == 1);
    const auto forged = ask("POST", "/reports", encode_reports(one, "x", time.wall_now()));
    CHECK(forged.head.status == 403);
    CHECK(forged.body == "not signed with a key of the Secret sluice-cookie-key\n");
    CHECK(heard.size() == 1);
}

TEST_CASE_METHOD(Fixture, "peers: a report of four mebibytes is read, a longer one is not",
                 "[activator][standalone]") {
    const auto ask_signed = [this](std::size_t bytes) {
        // Filled up with a field that nobody knows, number 15; its length takes four bytes.
        std::string body = encode_reports(one, "x", time.wall_now()) + "\x7a";
        const std::size_t filler = bytes - body.size() - 4;
        for (const unsigned shift : {0U, 7U, 14U, 21U})
            body += static_cast<char>((filler >> shift & 0x7f) | (shift < 21 ? 0x80 : 0));
        body.resize(bytes);
        const auto mac = common::hmac_sha256("0123456789abcdef", "sluice reports 1\n" + body);
        return ask(
            "POST", "/reports", std::move(body),
            common::base64url_encode({reinterpret_cast<const char*>(mac.data()), mac.size()}));
    };
    CHECK(ask_signed(4 << 20).head.status == 200);
    CHECK(heard.size() == 1);
    CHECK(ask_signed((4 << 20) + 1).head.status != 200);
    CHECK(heard.size() == 1);
}

TEST_CASE_METHOD(Fixture, "peers: one that does not lead says so", "[activator][standalone]") {
    leads = false;
    other->send(leader->local_address(), one);
    REQUIRE(common::run_until(io, [this] { return tasks.size() <= 1; }));
    CHECK(heard.empty());
    leads = true;  // and is asked again with the next report
    other->send(leader->local_address(), one);
    CHECK(hears(1));
}

TEST_CASE_METHOD(Fixture, "peers: the kubelet asks here", "[activator][standalone]") {
    CHECK(ask("GET", "/healthz").head.status == 200);
    health = "received SIGTERM from kubelet";
    const auto ending = ask("GET", "/healthz");
    CHECK(ending.head.status == 503);
    CHECK(ending.body == "received SIGTERM from kubelet\n");
    CHECK(ask("GET", "/livez").head.status == 200);
    CHECK(ask("GET", "/reports").head.status == 404);
}

}  // namespace activator::standalone
