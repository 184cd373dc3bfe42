#include "common/net/certificates.hpp"

#include <utility>

#include "common/log/log.hpp"

namespace common {
namespace {

constexpr Duration period = std::chrono::seconds(60);  // contract queue-proxy 9

}  // namespace

Certificates::Certificates(TimeSource& time, Files files, TlsParameters parameters, ReadFile read)
    : time_(time),
      files_(std::move(files)),
      parameters_(std::move(parameters)),
      read_(std::move(read)),
      timer_(time.make_timer()) {}

Certificates::~Certificates() = default;

std::string Certificates::load() {
    std::optional<std::string> certificate = read_(files_.certificate);
    if (!certificate) return files_.certificate + ": cannot be read";
    std::optional<std::string> key = read_(files_.key);
    if (!key) return files_.key + ": cannot be read";
    std::string client_ca;
    if (!parameters_.client_ca_file.empty()) {
        const std::optional<std::string> text = read_(parameters_.client_ca_file);
        if (!text) return parameters_.client_ca_file + ": cannot be read";
        client_ca = *text;
    }
    const bool same = *certificate == certificate_ && *key == key_ && client_ca == client_ca_;
    if (context_ && same) return {};
    TlsContext::Made made = TlsContext::make(*certificate, *key, parameters_);
    if (!made.context) return files_.certificate + ": " + made.error;
    context_ = std::move(made.context);
    certificate_ = std::move(*certificate);
    key_ = std::move(*key);
    client_ca_ = std::move(client_ca);
    return {};
}

void Certificates::start() {
    timer_->arm(time_.now() + period, [this] {
        reload();
        start();
    });
}

void Certificates::stop() {
    timer_->disarm();
}

void Certificates::reload() {
    const std::shared_ptr<const TlsContext> before = context_;
    const std::string problem = load();
    if (!problem.empty()) {
        log_error("certificate", "the certificate cannot be renewed, the old one stays",
                  {{"error", problem}});
    } else if (context_ != before) {
        log_info("certificate", "a new certificate is in use");
    }
}

}  // namespace common
