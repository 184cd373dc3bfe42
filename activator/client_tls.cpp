#include "activator/client_tls.hpp"

#include <utility>

#include <CLI/CLI.hpp>

namespace activator {

void add_tls_flags(CLI::App& command, ClientTls& tls) {
    CLI::Option* const certificate = command.add_option(
        "--tls-cert", tls.certificate_file,
        "Certificate chain, PEM: clients speak TLS 1.2 or later; re-read every 60 s");
    CLI::Option* const key = command.add_option("--tls-key", tls.key_file, "Its key, PEM");
    certificate->needs(key);
    key->needs(certificate);
    command
        .add_option("--tls-client-ca", tls.client_ca_file,
                    "CA certificates, PEM: clients must show a certificate of one of them")
        ->needs(certificate);
    command
        .add_flag("--tls-http2", tls.http2,
                  "Offer HTTP/2 in the TLS handshake, for applications that speak it (gRPC)")
        ->needs(certificate);
}

ClientCertificates load_certificates(common::TimeSource& time, const ClientTls& tls) {
    ClientCertificates loaded;
    if (tls.certificate_file.empty()) return loaded;
    common::TlsParameters parameters;
    parameters.tls12 = true;
    parameters.http2 = tls.http2;
    if (!tls.client_ca_file.empty()) {
        parameters.client_auth = common::TlsParameters::ClientAuth::require;
        parameters.client_ca_file = tls.client_ca_file;
    }
    const common::Certificates::Files files{tls.certificate_file, tls.key_file};
    loaded.certificates =
        std::make_unique<common::Certificates>(time, files, std::move(parameters));
    const std::string problem = loaded.certificates->load();
    if (!problem.empty()) loaded.problem = "--tls-cert " + problem;
    return loaded;
}

}  // namespace activator
