// TLS towards clients: the certificate of the listening port, as the command line names its files;
// the same flags for `activator` and `sluice up`.
#pragma once

#include <memory>
#include <string>

#include "common/net/certificates.hpp"

namespace CLI {
class App;
}

namespace activator {

struct ClientTls {
    std::string certificate_file;  // PEM chain; empty: clients speak plain HTTP
    std::string key_file;
    std::string client_ca_file;  // not empty: only clients with a certificate of its come in
    bool http2 = false;          // offered to clients; the application must speak it, too
};

// The flags; they write into `tls`, which outlives `command`.
void add_tls_flags(CLI::App& command, ClientTls& tls);

// TLS 1.2 and 1.3 with OpenSSL's defaults; the files are read. Null without a problem: no TLS is
// wanted. `time` outlives it.
//
// A request goes on in the protocol that it came with, and browsers take HTTP/2 wherever it is
// offered: only the owner of the application knows that it may be.
struct ClientCertificates {
    std::unique_ptr<common::Certificates> certificates;
    std::string problem;
};
ClientCertificates load_certificates(common::TimeSource& time, const ClientTls& tls);

}  // namespace activator
