// One side of TLS as an immutable object that a handshake uses: the server's certificate, versions
// and ciphers, or whom a client trusts. A new certificate makes a new object; connections that are
// open keep theirs.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace common {

struct TlsParameters {
    bool tls12 = false;  // TLS 1.3 is offered unless only 1.2 is
    bool tls13 = true;
    std::string cipher_list;  // OpenSSL's names, TLS 1.2 only; empty: OpenSSL's default
    std::string groups;       // OpenSSL's names; empty: OpenSSL's default
    bool http2 = false;       // ALPN: h2 is chosen before http/1.1
    // Client certificates.
    enum class ClientAuth { none, optional, require };
    ClientAuth client_auth = ClientAuth::none;
    std::string client_ca_file;
};

// A client's side. TLS 1.3 only, unless `tls12` (the API server of an old cluster).
struct TlsClientParameters {
    std::string ca;           // PEM, any number of certificates; empty: nobody is trusted
    std::string certificate;  // PEM chain of our own; empty: none is shown
    std::string key;
    bool tls12 = false;
    bool http2 = false;       // ALPN offers h2: gRPC servers want that; else none is offered
    bool any_server = false;  // no certificate is looked at: for servers on this machine only
};

// Whom a client wants to talk to.
struct TlsServerName {
    std::string name;  // for SNI (unless it is an IP address); the certificate must be for it
    std::string also;  // a second DNS name that the certificate must list; empty: none
};

class TlsContext {
  public:
    ~TlsContext();
    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;

    struct Made;
    // `certificate` is a PEM chain, leaf first. ALPN: a client that offers none of our protocols is
    // refused (RFC 7301 3.2).
    static Made make(std::string_view certificate, std::string_view key,
                     const TlsParameters& parameters);
    static Made make_client(const TlsClientParameters& parameters);

    // SSL_CTX*, for tls_stream.cpp.
    void* native() const { return native_; }

  private:
    explicit TlsContext(void* native) : native_(native) {}
    void* native_;
};

struct TlsContext::Made {
    std::shared_ptr<const TlsContext> context;
    std::string error;  // one line, if there is no context
};

// TLS as a client, with one server.
struct TlsUse {
    std::shared_ptr<const TlsContext> context;  // of make_client()
    TlsServerName server;
};

}  // namespace common
