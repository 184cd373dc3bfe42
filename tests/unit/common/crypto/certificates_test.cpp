#include "common/crypto/certificates.hpp"

#include <catch2/catch.hpp>

#include "common/net/tls_config.hpp"

using namespace common;
using std::chrono::hours;

TEST_CASE("certificates: a server can use what is made, and its end is known", "[common][crypto]") {
    const WallTime now{hours(490'000)};
    const MadeCertificate made = make_server_certificate({"a.b.svc", "a.b"}, now, hours(48));
    CHECK(certificate_end(made.certificate) == now + hours(48));
    CHECK(certificate_end(made.ca) == now + hours(48));
    CHECK(made.ca != made.certificate);
    const TlsContext::Made server = TlsContext::make(made.certificate, made.key, TlsParameters{});
    CHECK(server.error.empty());
    CHECK(server.context);
    TlsClientParameters client;
    client.ca = made.ca;
    CHECK(TlsContext::make_client(client).context);
    const MadeCertificate other = make_server_certificate({"a.b.svc"}, now, hours(48));
    CHECK(other.key != made.key);
    CHECK_FALSE(TlsContext::make(made.certificate, other.key, TlsParameters{}).context);
}

TEST_CASE("certificates: what is none has no end", "[common][crypto]") {
    CHECK_FALSE(certificate_end(""));
    CHECK_FALSE(certificate_end("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"));
}
