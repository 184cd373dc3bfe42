// Certificates that we make ourselves: a certificate authority that signs one server certificate,
// and whose key is thrown away then. ECDSA on P-256, SHA-256.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/time.hpp"

namespace common {

struct MadeCertificate {
    std::string ca;           // PEM: whom a client of the server trusts
    std::string certificate;  // PEM: the server's
    std::string key;          // PEM, PKCS #8
};

// Valid from an hour before `now` (clocks differ) until `now` + `lifetime`. REQUIRES: at least one
// name. Ends the process if OpenSSL fails, which means that memory has run out.
MadeCertificate make_server_certificate(const std::vector<std::string>& dns_names, WallTime now,
                                        Duration lifetime);

// When the first certificate of a PEM text ends; empty if there is none.
std::optional<WallTime> certificate_end(std::string_view pem);

}  // namespace common
