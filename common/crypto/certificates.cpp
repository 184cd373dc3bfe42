#include "common/crypto/certificates.hpp"

#include <ctime>
#include <memory>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "common/core/check.hpp"

namespace common {
namespace {

template <auto Free>
struct Deleter {
    template <class T>
    void operator()(T* object) const {
        Free(object);
    }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using CertificatePtr = std::unique_ptr<X509, Deleter<X509_free>>;
using BioPtr = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>>;

constexpr Duration clock_skew = std::chrono::hours(1);
constexpr int serial_bits = 159;  // RFC 5280 4.1.2.2: 20 octets at most, positive

std::time_t seconds_of(WallTime t) {
    return static_cast<std::time_t>(
        std::chrono::duration_cast<std::chrono::seconds>(t.time_since_epoch()).count());
}

KeyPtr make_key() {
    KeyPtr key(EVP_EC_gen("P-256"));
    CHECK(key != nullptr);
    return key;
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
    CHECK(extension != nullptr);
    CHECK(X509_add_ext(certificate, extension.get(), -1) == 1);
}

// A certificate of `key` with everything but extensions, issuer and signature.
CertificatePtr begin_certificate(EVP_PKEY* key, const std::string& name, WallTime now,
                                 Duration lifetime) {
    CertificatePtr certificate(X509_new());
    CHECK(certificate != nullptr);
    CHECK(X509_set_version(certificate.get(), X509_VERSION_3) == 1);
    std::unique_ptr<BIGNUM, Deleter<BN_free>> serial(BN_new());
    CHECK(BN_rand(serial.get(), serial_bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1);
    CHECK(BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate.get())) != nullptr);
    CHECK(ASN1_TIME_set(X509_getm_notBefore(certificate.get()), seconds_of(now - clock_skew)) !=
          nullptr);
    const auto end = now + std::chrono::duration_cast<Wall::duration>(lifetime);
    CHECK(ASN1_TIME_set(X509_getm_notAfter(certificate.get()), seconds_of(end)) != nullptr);
    CHECK(X509_set_pubkey(certificate.get(), key) == 1);
    X509_NAME* const subject = X509_get_subject_name(certificate.get());
    const auto* const bytes = reinterpret_cast<const unsigned char*>(name.c_str());
    CHECK(X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8, bytes, -1, -1, 0) ==
          1);
    return certificate;
}

void sign(X509* certificate, X509* issuer, EVP_PKEY* issuer_key) {
    CHECK(X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1);
    CHECK(X509_sign(certificate, issuer_key, EVP_sha256()) > 0);
}

std::string text_of(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return {data, static_cast<std::size_t>(size)};
}

std::string pem_of(X509* certificate) {
    const BioPtr bio(BIO_new(BIO_s_mem()));
    CHECK(PEM_write_bio_X509(bio.get(), certificate) == 1);
    return text_of(bio.get());
}

std::string pem_of(EVP_PKEY* key) {
    const BioPtr bio(BIO_new(BIO_s_mem()));
    CHECK(PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) ==
          1);
    return text_of(bio.get());
}

}  // namespace

MadeCertificate make_server_certificate(const std::vector<std::string>& dns_names, WallTime now,
                                        Duration lifetime) {
    CHECK(!dns_names.empty());
    const KeyPtr ca_key = make_key();
    const CertificatePtr ca =
        begin_certificate(ca_key.get(), dns_names.front() + " CA", now, lifetime);
    add_extension(ca.get(), ca.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
    add_extension(ca.get(), ca.get(), NID_key_usage, "critical,keyCertSign");
    add_extension(ca.get(), ca.get(), NID_subject_key_identifier, "hash");
    sign(ca.get(), ca.get(), ca_key.get());

    const KeyPtr key = make_key();
    const CertificatePtr leaf = begin_certificate(key.get(), dns_names.front(), now, lifetime);
    std::string names;
    for (const std::string& name : dns_names)
        names += (names.empty() ? "DNS:" : ",DNS:") + name;
    add_extension(leaf.get(), ca.get(), NID_basic_constraints, "critical,CA:FALSE");
    add_extension(leaf.get(), ca.get(), NID_key_usage, "critical,digitalSignature");
    add_extension(leaf.get(), ca.get(), NID_ext_key_usage, "serverAuth");
    add_extension(leaf.get(), ca.get(), NID_subject_alt_name, names);
    add_extension(leaf.get(), ca.get(), NID_authority_key_identifier, "keyid");
    sign(leaf.get(), ca.get(), ca_key.get());
    return {pem_of(ca.get()), pem_of(leaf.get()), pem_of(key.get())};
}

std::optional<WallTime> certificate_end(std::string_view pem) {
    const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    const CertificatePtr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (!certificate) return std::nullopt;
    std::tm end{};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &end) != 1) return std::nullopt;
    return WallTime(std::chrono::seconds(timegm(&end)));
}

}  // namespace common
