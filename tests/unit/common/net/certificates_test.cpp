#include "common/net/certificates.hpp"

#include <map>

#include <catch2/catch.hpp>

#include "tests/support/shell_fixture.hpp"

using namespace std::chrono_literals;
using common::Certificates;

namespace {

// Two self-signed P-256 certificates that were made for this test and are used nowhere.
constexpr const char* certificate_a = R"(-----BEGIN CERTIFICATE-----
MIIBhzCCAS2gAwIBAgIUbhyv+1JVkd5FsCksOhJBgnmqUKAwCgYIKoZIzj0EAwIw
GDEWMBQGA1UEAwwNc2x1aWNlLXRlc3QtQTAgFw0yNjExMjQwMTQyNThaGA8yMTI2
MTAzMTAxNDI1OFowGDEWMBQGA1UEAwwNc2x1aWNlLXRlc3QtQTBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABNmRQOGaTcEGBTq9BxkqGF+obeYCk1hEerwrXOk4o14r
Fvqzh6GMyvDislJfyjDaMcuTddgS9CdjHCgyXbiWfp+jUzBRMB0GA1UdDgQWBBRo
s3hqfCJcPfzRV1cB2mF6GRMu7TAfBgNVHSMEGDAWgBRos3hqfCJcPfzRV1cB2mF6
GRMu7TAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIGWVtaTouEKm
CP+T7e63UjjoylcBPysMRCa0uOzc0WtUAiEAk/kg/fy/KPNZuEE6hF2z1x5dm9s5
bp5H36glipXkPWM=
-----END CERTIFICATE-----
)";
constexpr const char* key_a = R"(-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgxirD01l1sYF/uKBM
1r+PqHXtFw3W3vK+ft9bEt/FmDmhRANCAATZkUDhmk3BBgU6vQcZKhhfqG3mApNY
RHq8K1zpOKNeKxb6s4ehjMrw4rJSX8ow2jHLk3XYEvQnYxwoMl24ln6f
-----END PRIVATE KEY-----
)";
constexpr const char* certificate_b = R"(-----BEGIN CERTIFICATE-----
MIIBiDCCAS2gAwIBAgIUHLmeDti8aHjbe9MJPFAltPcmh60wCgYIKoZIzj0EAwIw
GDEWMBQGA1UEAwwNc2x1aWNlLXRlc3QtQjAgFw0yNjExMjQwMTQyNThaGA8yMTI2
MTAzMTAxNDI1OFowGDEWMBQGA1UEAwwNc2x1aWNlLXRlc3QtQjBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABMkd36y6xwr4ljIvBOtFjCXGZxQ/0GKsANk+MW+eRJyo
xGYuxv+WlyhhaRB20wFjFisdgLC0vxvErunh8RflF5KjUzBRMB0GA1UdDgQWBBRq
XxQxMfaBqqEEUo6XQtQsSMOeMzAfBgNVHSMEGDAWgBRqXxQxMfaBqqEEUo6XQtQs
SMOeMzAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0kAMEYCIQCnCjQoYKoF
8wLIr3+oknBG8cS+HqzOEyIcaLc7w0qe/QIhAKk1eamg83ITD56ZOeg2tNNo9dhA
/k3tMBV0wDWTv+hb
-----END CERTIFICATE-----
)";
constexpr const char* key_b = R"(-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgde5ipIIWqkcxo2TZ
x4aKikPx+KV0otRfnJadUyN25aKhRANCAATJHd+suscK+JYyLwTrRYwlxmcUP9Bi
rADZPjFvnkScqMRmLsb/lpcoYWkQdtMBYxYrHYCwtL8bxK7p4fEX5ReS
-----END PRIVATE KEY-----
)";

class CertificatesFixture : public common::ShellFixture {
  public:
    ~CertificatesFixture() { certificates.stop(); }
    std::optional<std::string> read(const std::string& path) const {
        const auto it = files.find(path);
        return it == files.end() ? std::nullopt : std::optional(it->second);
    }

    std::map<std::string, std::string> files{{"crt", certificate_a}, {"key", key_a}};
    Certificates certificates{
        time, {"crt", "key"}, common::TlsParameters{}, [this](const std::string& path) {
            return read(path);
        }};
};

}  // namespace

TEST_CASE("certificates: row 98, changed files are used within 60 s", "[common][net]") {
    CertificatesFixture f;
    REQUIRE(f.certificates.load().empty());
    f.certificates.start();
    const auto first = f.certificates.context();
    f.time.advance(60s);
    CHECK(f.certificates.context() == first);
    f.files = {{"crt", certificate_b}, {"key", key_b}};
    f.time.advance(59s);
    CHECK(f.certificates.context() == first);
    f.time.advance(1s);
    CHECK(f.certificates.context() != first);
}

TEST_CASE("certificates: row 98, the old one stays while the files are wrong", "[common][net]") {
    CertificatesFixture f;
    REQUIRE(f.certificates.load().empty());
    f.certificates.start();
    const auto first = f.certificates.context();
    f.files.erase("key");
    f.time.advance(60s);
    CHECK(f.certificates.context() == first);
    f.files = {{"crt", certificate_b}, {"key", key_a}};  // half of the rotation
    f.time.advance(60s);
    CHECK(f.certificates.context() == first);
    f.files["key"] = key_b;
    f.time.advance(60s);
    CHECK(f.certificates.context() != first);
}

TEST_CASE("certificates: what is no certificate or does not fit is said", "[common][net]") {
    CertificatesFixture f;
    f.files["crt"] = "junk";
    CHECK(f.certificates.load().find("crt: the certificate cannot be read") == 0);
    f.files["crt"] = certificate_b;
    CHECK(f.certificates.load().find("the key does not fit") != std::string::npos);
    f.files.erase("crt");
    CHECK(f.certificates.load() == "crt: cannot be read");
}
