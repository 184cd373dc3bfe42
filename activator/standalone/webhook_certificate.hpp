// The webhook's certificate: made by ourselves, kept in a Secret that all webhooks share, told to
// the API server in the MutatingWebhookConfiguration, and replaced long before it ends.
//
// Nobody may see a new certificate before the API server trusts its authority. So refresh(), which
// comes every half minute, first sees to the configuration (which trusts the new authority and the
// one before), and only the next one takes the new certificate into use. The same round repairs a
// configuration that somebody has applied anew. Of two webhooks that make a certificate at once
// one is refused by the API server, and takes the other's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "activator/kubernetes/api_client.hpp"
#include "common/core/time.hpp"
#include "common/net/tls_config.hpp"

namespace activator::standalone {

class WebhookCertificate {
  public:
    static constexpr const char* secret = "sluice-webhook-certificate";
    static constexpr const char* configuration = "sluice";
    static constexpr common::Duration lifetime = std::chrono::hours(365 * 24);
    // Replaced when this little of its life is left.
    static constexpr common::Duration renewed_before = std::chrono::hours(90 * 24);

    // `api` and `time` outlive it. `service` is the Service that the API server calls.
    WebhookCertificate(kubernetes::ApiClient& api, common::TimeSource& time, std::string name_space,
                       const std::string& service);

    // Returns "" or what is wrong, one line; then what there was stays in use.
    common::awaitable<std::string> refresh();
    // Null before the first good refresh().
    std::shared_ptr<const common::TlsContext> context() const { return context_; }

  private:
    struct Kept {
        std::string version;  // empty: there is no Secret
        std::string certificate;
        std::string key;
        std::string authorities;  // PEM: the certificate's, then the one before
    };
    common::awaitable<std::string> read(Kept& kept);
    common::awaitable<std::string> replace(Kept& kept);
    common::awaitable<std::string> tell(const std::string& authorities);
    std::string take(const Kept& kept);
    bool is_due(const Kept& kept) const;

    kubernetes::ApiClient& api_;
    common::TimeSource& time_;
    std::string folder_;  // of Secrets
    std::string name_space_;
    std::vector<std::string> names_;
    std::string told_;    // the certificate whose authority the API server has been told of
    std::string in_use_;  // the certificate of context_
    std::shared_ptr<const common::TlsContext> context_;
};

}  // namespace activator::standalone
