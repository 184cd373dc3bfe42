#include "common/config/tls_settings.hpp"

#include <optional>
#include <span>

namespace common {

namespace {

struct Name {
    std::string_view ours;     // IANA or Go
    std::string_view openssl;  // empty: TLS 1.3, not configurable in Go, accepted without effect
};

// Go's tls.CipherSuites(): those without known weaknesses.
constexpr Name cipher_names[] = {
    {"TLS_AES_128_GCM_SHA256", ""},
    {"TLS_AES_256_GCM_SHA384", ""},
    {"TLS_CHACHA20_POLY1305_SHA256", ""},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA-AES128-SHA"},
    {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA"},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA-AES256-SHA"},
    {"TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA-AES256-SHA"},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"},
    {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"},
    {"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"},
    {"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"},
    {"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"},
};

// X25519MLKEM768 needs OpenSSL 3.5: with an older one it is accepted and left out.
constexpr Name curve_names[] = {
    {"CurveP256", "P-256"}, {"CurveP384", "P-384"}, {"CurveP521", "P-521"}, {"P-256", "P-256"},
    {"P-384", "P-384"},     {"P-521", "P-521"},     {"X25519", "X25519"},   {"X25519MLKEM768", ""},
};

std::string_view trimmed(std::string_view text) {
    while (text.starts_with(' '))
        text.remove_prefix(1);
    while (text.ends_with(' '))
        text.remove_suffix(1);
    return text;
}

std::string read_names(EnvReader& env, const std::string& variable, std::span<const Name> known) {
    const std::string value = env.text(variable);
    std::string_view rest = value;
    std::string out;
    while (!rest.empty()) {
        const std::string_view word = trimmed(rest.substr(0, rest.find(',')));
        rest.remove_prefix(std::min(rest.size(), rest.find(',')));
        if (rest.starts_with(',')) rest.remove_prefix(1);
        if (word.empty()) continue;
        const Name* found = nullptr;
        for (const Name& name : known) {
            if (name.ours == word) found = &name;
        }
        if (found == nullptr) {
            std::string reason = "'" + std::string(word) + "' is not one of ";
            for (const Name& name : known) {
                reason += std::string(name.ours) + (&name == &known.back() ? "" : ", ");
            }
            env.report(variable, reason);
            continue;
        }
        if (found->openssl.empty()) continue;
        if (!out.empty()) out += ':';
        out += found->openssl;
    }
    return out;
}

TlsVersion read_version(EnvReader& env, const std::string& variable) {
    const std::string value = env.text(variable);
    if (value == "1.2") return TlsVersion::tls12;
    if (!value.empty() && value != "1.3") {
        env.report(variable, "'" + value + "' is not one of 1.2, 1.3");
    }
    return TlsVersion::tls13;
}

}  // namespace

TlsSettings read_tls_settings(EnvReader& env, std::string_view prefix) {
    const std::string start(prefix);
    TlsSettings settings;
    settings.min = read_version(env, start + "MIN_VERSION");
    settings.max = read_version(env, start + "MAX_VERSION");
    if (settings.min > settings.max) {
        env.report(start + "MAX_VERSION", "1.2 is below " + start + "MIN_VERSION 1.3");
    }
    settings.cipher_list = read_names(env, start + "CIPHER_SUITES", cipher_names);
    settings.groups = read_names(env, start + "CURVE_PREFERENCES", curve_names);
    return settings;
}

TlsParameters to_parameters(const TlsSettings& settings) {
    TlsParameters parameters;
    parameters.tls12 = settings.min == TlsVersion::tls12;
    parameters.tls13 = settings.max == TlsVersion::tls13;
    parameters.cipher_list = settings.cipher_list;
    parameters.groups = settings.groups;
    return parameters;
}

}  // namespace common
