#include "activator/standalone/webhook_certificate.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include "activator/kubernetes/json_fields.hpp"
#include "activator/kubernetes/objects.hpp"
#include "common/crypto/certificates.hpp"
#include "common/crypto/digests.hpp"
#include "common/log/log.hpp"

namespace activator::standalone {

using common::awaitable;
using kubernetes::ApiClient;
using kubernetes::problem_of;
using nlohmann::json;

namespace {

constexpr int not_found = 404;
constexpr int conflict = 409;
constexpr const char* configurations =
    "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/";

std::string first_certificate(const std::string& pem) {
    constexpr std::string_view end = "-----END CERTIFICATE-----\n";
    const std::size_t at = pem.find(end);
    return at == std::string::npos ? std::string() : pem.substr(0, at + end.size());
}

}  // namespace

WebhookCertificate::WebhookCertificate(ApiClient& api, common::TimeSource& time,
                                       std::string name_space, const std::string& service)
    : api_(api),
      time_(time),
      folder_("/api/v1/namespaces/" + name_space + "/secrets"),
      name_space_(std::move(name_space)),
      names_({service + "." + name_space_ + ".svc",
              service + "." + name_space_ + ".svc.cluster.local"}) {}

awaitable<std::string> WebhookCertificate::refresh() {
    Kept kept;
    std::string problem = co_await read(kept);
    if (problem.empty() && is_due(kept)) problem = co_await replace(kept);
    if (!problem.empty()) co_return problem;
    const bool known = told_ == kept.certificate;
    problem = co_await tell(kept.authorities);
    if (!problem.empty()) co_return problem;
    told_ = kept.certificate;
    if (context_ && !known) co_return std::string();  // the next time
    co_return take(kept);
}

bool WebhookCertificate::is_due(const Kept& kept) const {
    const std::optional<common::WallTime> end = common::certificate_end(kept.certificate);
    return !end || *end - time_.wall_now() < renewed_before;
}

awaitable<std::string> WebhookCertificate::read(Kept& kept) {
    const ApiClient::Answer answer = co_await api_.get(folder_ + "/" + secret);
    if (answer.problem.empty() && answer.status == not_found) co_return std::string();
    std::string problem = problem_of(std::string("Secret ") + secret, answer);
    if (!problem.empty()) co_return problem;
    const json object = json::parse(answer.body, nullptr, false);
    auto data = kubernetes::read_secret(object);
    kept.version = kubernetes::text(object, {"metadata", "resourceVersion"});
    kept.certificate = data["tls.crt"];
    kept.key = data["tls.key"];
    kept.authorities = data["ca.crt"];
    co_return std::string();
}

awaitable<std::string> WebhookCertificate::replace(Kept& kept) {
    const common::MadeCertificate made =
        common::make_server_certificate(names_, time_.wall_now(), lifetime);
    const std::string authorities = made.ca + first_certificate(kept.authorities);
    json object = {{"apiVersion", "v1"},
                   {"kind", "Secret"},
                   {"type", "kubernetes.io/tls"},
                   {"metadata", {{"name", secret}, {"namespace", name_space_}}},
                   {"data",
                    {{"tls.crt", common::base64_encode(made.certificate)},
                     {"tls.key", common::base64_encode(made.key)},
                     {"ca.crt", common::base64_encode(authorities)}}}};
    ApiClient::Request request;
    request.method = kept.version.empty() ? "POST" : "PUT";
    request.target = folder_;
    if (!kept.version.empty()) {
        request.target += std::string("/") + secret;
        object["metadata"]["resourceVersion"] = kept.version;
    }
    request.body = object.dump();
    const ApiClient::Answer answer = co_await api_.call(std::move(request));
    if (answer.status == conflict) co_return co_await read(kept);
    std::string problem = problem_of(std::string("writing Secret ") + secret, answer);
    if (!problem.empty()) co_return problem;
    common::log_info("webhook_certificate", "a new certificate was made",
                     {{"secret", secret}, {"days", 365}});
    kept.certificate = made.certificate;
    kept.key = made.key;
    kept.authorities = authorities;
    co_return std::string();
}

// Sees to it that the API server trusts `authorities`.
awaitable<std::string> WebhookCertificate::tell(const std::string& authorities) {
    const std::string what = std::string("MutatingWebhookConfiguration ") + configuration;
    const ApiClient::Answer answer = co_await api_.get(std::string(configurations) + configuration);
    std::string problem = problem_of(what, answer);
    if (!problem.empty()) co_return problem;
    const json object = json::parse(answer.body, nullptr, false);
    const std::string bundle = common::base64_encode(authorities);
    json patch = json::array();
    std::size_t index = 0;
    for (const json& webhook : kubernetes::list(object, {"webhooks"})) {
        const std::string path = "/webhooks/" + std::to_string(index++) + "/clientConfig/caBundle";
        if (kubernetes::text(webhook, {"clientConfig", "caBundle"}) != bundle)
            patch.push_back({{"op", "add"}, {"path", path}, {"value", bundle}});
    }
    if (patch.empty()) co_return std::string();
    ApiClient::Request request;
    request.method = "PATCH";
    request.target = std::string(configurations) + configuration;
    request.content_type = "application/json-patch+json";
    request.body = patch.dump();
    const ApiClient::Answer patched = co_await api_.call(std::move(request));
    co_return problem_of("patching " + what, patched);
}

std::string WebhookCertificate::take(const Kept& kept) {
    if (in_use_ == kept.certificate) return {};
    common::TlsParameters parameters;
    parameters.tls12 = true;
    parameters.http2 = true;
    common::TlsContext::Made made =
        common::TlsContext::make(kept.certificate, kept.key, parameters);
    if (!made.context) return std::string("Secret ") + secret + ": " + made.error;
    context_ = std::move(made.context);
    in_use_ = kept.certificate;
    return {};
}

}  // namespace activator::standalone
