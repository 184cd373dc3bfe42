// The webhook's certificate over its life, against an API server that the test plays.
#include "activator/standalone/webhook_certificate.hpp"

#include <catch2/catch.hpp>

#include "common/crypto/certificates.hpp"
#include "common/crypto/digests.hpp"
#include "tests/support/fake_api_server.hpp"

namespace activator::standalone {
namespace {

using nlohmann::json;
using Hours = std::chrono::hours;

constexpr Hours day{24};
const std::string secrets = "/api/v1/namespaces/sluice-system/secrets";
const std::string secret = secrets + "/sluice-webhook-certificate";
const std::string hooks =
    "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/sluice";

json unheard_of() {
    const json webhook = {{"clientConfig", {{"service", {{"name", "sluice-webhook"}}}}}};
    return {{"metadata", {{"name", "sluice"}}}, {"webhooks", {webhook, webhook}}};
}

struct Fixture : common::ShellFixture {
    Fixture() { server->put(hooks, unheard_of()); }

    std::string refresh(WebhookCertificate& which) { return common::run(io, which.refresh()); }
    std::string refresh() { return refresh(certificate); }
    std::string kept(const char* key) {
        return common::base64_decode(server->object(secret)["data"][key].get<std::string>())
            .value();
    }
    // What the API server trusts, if all webhooks are told the same.
    std::string trusted() {
        const json& webhooks = server->object(hooks)["webhooks"];
        const auto bundle = [](const json& webhook) {
            return webhook["clientConfig"].value("caBundle", std::string());
        };
        const std::string first = bundle(webhooks[0]);
        for (const json& webhook : webhooks)
            CHECK(bundle(webhook) == first);
        return common::base64_decode(first).value();
    }
    static std::size_t certificates_in(const std::string& pem) {
        std::size_t count = 0;
        for (std::size_t at = pem.find("BEGIN CERT"); at != std::string::npos;
             at = pem.find("BEGIN CERT", at + 1))
            ++count;
        return count;
    }

    std::unique_ptr<FakeApiServer> server{new FakeApiServer(io, time, hangups)};
    kubernetes::ApiClient api{time, server->access()};
    WebhookCertificate certificate{api, time, "sluice-system", "sluice-webhook"};
    WebhookCertificate another{api, time, "sluice-system", "sluice-webhook"};
};

}  // namespace

TEST_CASE_METHOD(Fixture, "webhook certificate: made once, told to the API server, kept",
                 "[activator][standalone]") {
    CHECK(certificate.context() == nullptr);
    CHECK(refresh().empty());
    REQUIRE(certificate.context() != nullptr);
    CHECK(server->object(secret)["type"] == "kubernetes.io/tls");
    CHECK(trusted() == kept("ca.crt"));
    CHECK(certificates_in(trusted()) == 1);
    const auto end = common::certificate_end(kept("tls.crt"));
    CHECK(*end == time.wall_now() + WebhookCertificate::lifetime);
    CHECK(server->writes().size() == 2);
    // A day later everything is as it should be, and nothing is written.
    time.advance(day);
    const auto context = certificate.context();
    CHECK(refresh().empty());
    CHECK(server->writes().size() == 2);
    CHECK(certificate.context() == context);
}

TEST_CASE_METHOD(Fixture, "webhook certificate: a second webhook has the same",
                 "[activator][standalone]") {
    CHECK(refresh().empty());
    CHECK(refresh(another).empty());
    CHECK(another.context() != nullptr);
    CHECK(server->writes().size() == 2);
}

TEST_CASE_METHOD(Fixture, "webhook certificate: of two that make one at once the first one's stays",
                 "[activator][standalone]") {
    // The other one's Secret is there when ours arrives.
    server->before = [this](const FakeApiServer::Call& call) {
        if (call.method != "POST") return;
        server->before = nullptr;
        const auto other =
            common::make_server_certificate({"sluice-webhook"}, time.wall_now(), day * 365);
        server->put(secret, {{"metadata", {{"name", "sluice-webhook-certificate"}}},
                             {"data",
                              {{"tls.crt", common::base64_encode(other.certificate)},
                               {"tls.key", common::base64_encode(other.key)},
                               {"ca.crt", common::base64_encode(other.ca)}}}});
    };
    CHECK(refresh().empty());
    CHECK(certificate.context() != nullptr);
    CHECK(trusted() == kept("ca.crt"));
    CHECK(server->writes(secrets).size() == 1);  // ours, which was refused
}

TEST_CASE_METHOD(Fixture,
                 "webhook certificate: replaced before its end, and used only when it is trusted",
                 "[activator][standalone]") {
    CHECK(refresh().empty());
    CHECK(refresh(another).empty());
    const std::string before = kept("tls.crt");
    const std::string authority = kept("ca.crt");
    const auto context = certificate.context();
    time.advance(WebhookCertificate::lifetime - WebhookCertificate::renewed_before);
    CHECK(refresh().empty());
    CHECK(kept("tls.crt") == before);
    time.advance(std::chrono::seconds(1));
    CHECK(refresh().empty());
    CHECK(kept("tls.crt") != before);
    // The API server trusts both; the new one is not shown before the next round.
    CHECK(trusted() == kept("ca.crt"));
    CHECK(certificates_in(trusted()) == 2);
    CHECK(trusted().ends_with(authority));
    CHECK(certificate.context() == context);
    CHECK(refresh().empty());
    CHECK(certificate.context() != context);
    // The other webhook waits a round, too, and makes none of its own.
    const auto others = another.context();
    const std::string after = kept("tls.crt");
    CHECK(refresh(another).empty());
    CHECK(another.context() == others);
    CHECK(refresh(another).empty());
    CHECK(another.context() != others);
    CHECK(kept("tls.crt") == after);
    // A year on, only the authority before is still trusted beside the new one.
    time.advance(WebhookCertificate::lifetime);
    CHECK(refresh().empty());
    CHECK(certificates_in(trusted()) == 2);
    CHECK(trusted().find(authority) == std::string::npos);
}

TEST_CASE_METHOD(Fixture, "webhook certificate: a configuration that was applied anew is repaired",
                 "[activator][standalone]") {
    CHECK(refresh().empty());
    server->put(hooks, unheard_of());
    CHECK(refresh().empty());
    CHECK(trusted() == kept("ca.crt"));
    // One that lacks a single webhook's gets that one.
    server->object(hooks)["webhooks"][1]["clientConfig"].erase("caBundle");
    CHECK(refresh().empty());
    CHECK(trusted() == kept("ca.crt"));
    CHECK(server->writes(hooks).back().body.size() == 1);
}

TEST_CASE_METHOD(Fixture, "webhook certificate: what cannot be done leaves the old one in use",
                 "[activator][standalone]") {
    CHECK(refresh().empty());
    const auto context = certificate.context();
    time.advance(WebhookCertificate::lifetime);
    server->refused["PUT " + secret] = 403;
    CHECK(refresh() ==
          "writing Secret sluice-webhook-certificate: no right to do this (403); see the role");
    CHECK(certificate.context() == context);
    server->refused.clear();
    server->refused["PATCH " + hooks] = 500;
    CHECK(refresh().starts_with(
        "patching MutatingWebhookConfiguration sluice: the API server answered 500"));
    // Not trusted by the API server: not used, however often we look.
    CHECK_FALSE(refresh().empty());
    CHECK(certificate.context() == context);
    server->refused.clear();
    CHECK(refresh().empty());
    CHECK(certificate.context() == context);
    CHECK(refresh().empty());
    CHECK(certificate.context() != context);
    server->go_away();
    CHECK(refresh().starts_with("Secret sluice-webhook-certificate: cannot connect"));
}

TEST_CASE_METHOD(Fixture, "webhook certificate: a Secret that is of no use is replaced",
                 "[activator][standalone]") {
    server->put(secret, {{"metadata", {{"name", "sluice-webhook-certificate"}}},
                         {"data", {{"tls.crt", common::base64_encode("no certificate")}}}});
    CHECK(refresh().empty());
    CHECK(certificate.context() != nullptr);
    CHECK(common::certificate_end(kept("tls.crt")));
    CHECK(certificates_in(trusted()) == 1);
}

}  // namespace activator::standalone
