#include "common/net/tls_config.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

namespace common {
namespace {

template <class T, void (*free)(T*)>
struct Deleter {
    void operator()(T* object) const { free(object); }
};
using BioPtr = std::unique_ptr<BIO, Deleter<BIO, BIO_free_all>>;
using X509Ptr = std::unique_ptr<X509, Deleter<X509, X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY, EVP_PKEY_free>>;

// ALPN's form; the first that the client offers is chosen.
constexpr std::string_view http11_only = "\x08http/1.1";
constexpr std::string_view http2_first = "\x02h2\x08http/1.1";

std::string last_error(const std::string& what) {
    char text[256];
    const unsigned long code = ERR_get_error();
    ERR_error_string_n(code, text, sizeof text);
    ERR_clear_error();
    return code == 0 ? what : what + ": " + text;
}

BioPtr reader(std::string_view pem) {
    return BioPtr(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_length,
                    const unsigned char* in, unsigned in_length, void* http2) {
    const std::string_view protocols = http2 != nullptr ? http2_first : http11_only;
    const auto* ours = reinterpret_cast<const unsigned char*>(protocols.data());
    unsigned char* chosen = nullptr;
    const int result = SSL_select_next_proto(
        &chosen, out_length, ours, static_cast<unsigned>(protocols.size()), in, in_length);
    *out = chosen;
    return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

// Returns "" or what is wrong.
std::string use_certificate(SSL_CTX* context, std::string_view certificate, std::string_view key) {
    const BioPtr chain = reader(certificate);
    const X509Ptr leaf(PEM_read_bio_X509_AUX(chain.get(), nullptr, nullptr, nullptr));
    if (!leaf) return last_error("the certificate cannot be read");
    if (SSL_CTX_use_certificate(context, leaf.get()) != 1)
        return last_error("the certificate cannot be used");
    while (X509* next = PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr)) {
        X509Ptr owned(next);
        if (SSL_CTX_add0_chain_cert(context, next) != 1)
            return last_error("a certificate of the chain cannot be used");
        static_cast<void>(owned.release());  // the context's now
    }
    ERR_clear_error();  // the end of the chain is an error to the reader
    const BioPtr key_bio = reader(key);
    const KeyPtr private_key(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, nullptr));
    if (!private_key) return last_error("the key cannot be read");
    if (SSL_CTX_use_PrivateKey(context, private_key.get()) != 1)
        return last_error("the key does not fit the certificate");
    return {};
}

std::string use_parameters(SSL_CTX* context, const TlsParameters& parameters) {
    SSL_CTX_set_min_proto_version(context, parameters.tls12 ? TLS1_2_VERSION : TLS1_3_VERSION);
    SSL_CTX_set_max_proto_version(context, parameters.tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    // Idle connections give their buffers back.
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    // The argument is only a flag.
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, parameters.http2 ? context : nullptr);
    const bool good_ciphers = parameters.cipher_list.empty() ||
                              SSL_CTX_set_cipher_list(context, parameters.cipher_list.c_str()) == 1;
    if (!good_ciphers) return last_error("the cipher suites cannot be used");
    const bool good_groups = parameters.groups.empty() ||
                             SSL_CTX_set1_groups_list(context, parameters.groups.c_str()) == 1;
    if (!good_groups) return last_error("the curves cannot be used");
    using Auth = TlsParameters::ClientAuth;
    if (parameters.client_auth == Auth::none) return {};
    int mode = SSL_VERIFY_PEER;
    if (parameters.client_auth == Auth::require) mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_CTX_set_verify(context, mode, nullptr);
    if (SSL_CTX_load_verify_file(context, parameters.client_ca_file.c_str()) != 1)
        return last_error("the client CA file cannot be read");
    return {};
}

// Returns "" or what is wrong.
std::string trust(SSL_CTX* context, std::string_view ca) {
    const BioPtr all = reader(ca);
    X509_STORE* const store = SSL_CTX_get_cert_store(context);
    while (X509* next = PEM_read_bio_X509(all.get(), nullptr, nullptr, nullptr)) {
        const X509Ptr owned(next);
        if (X509_STORE_add_cert(store, next) != 1)
            return last_error("a CA certificate cannot be used");
    }
    ERR_clear_error();  // the end of the text is an error to the reader
    return {};
}

}  // namespace

TlsContext::~TlsContext() {
    SSL_CTX_free(static_cast<SSL_CTX*>(native_));
}

TlsContext::Made TlsContext::make(std::string_view certificate, std::string_view key,
                                  const TlsParameters& parameters) {
    Made made;
    SSL_CTX* context = SSL_CTX_new(TLS_server_method());
    if (context == nullptr) {
        made.error = last_error("no TLS context");
        return made;
    }
    std::shared_ptr<const TlsContext> owner(new TlsContext(context));
    made.error = use_parameters(context, parameters);
    if (made.error.empty()) made.error = use_certificate(context, certificate, key);
    if (made.error.empty()) made.context = std::move(owner);
    return made;
}

TlsContext::Made TlsContext::make_client(const TlsClientParameters& parameters) {
    Made made;
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    if (context == nullptr) {
        made.error = last_error("no TLS context");
        return made;
    }
    std::shared_ptr<const TlsContext> owner(new TlsContext(context));
    SSL_CTX_set_min_proto_version(context, parameters.tls12 ? TLS1_2_VERSION : TLS1_3_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(context, parameters.any_server ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
    made.error = trust(context, parameters.ca);
    static constexpr unsigned char h2[] = {2, 'h', '2'};
    if (parameters.http2 && SSL_CTX_set_alpn_protos(context, h2, sizeof h2) != 0)
        made.error = last_error("ALPN cannot be set");
    if (made.error.empty() && !parameters.certificate.empty())
        made.error = use_certificate(context, parameters.certificate, parameters.key);
    if (made.error.empty()) made.context = std::move(owner);
    return made;
}

}  // namespace common
