#include "activator/standalone/webhook_app.hpp"

#include <csignal>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>

#include "activator/client_limits.hpp"
#include "activator/kubernetes/api_client.hpp"
#include "activator/kubernetes/startup.hpp"
#include "activator/orderly_end.hpp"
#include "activator/standalone/admission.hpp"
#include "activator/standalone/cluster_settings.hpp"
#include "activator/standalone/webhook_certificate.hpp"
#include "common/async/give_back_memory.hpp"
#include "common/async/task_group.hpp"
#include "common/core/path_pattern.hpp"
#include "common/crypto/hmac.hpp"
#include "common/http/http_server.hpp"
#include "common/http/simple_response.hpp"
#include "common/http/whole_body.hpp"
#include "common/log/log.hpp"
#include "common/net/hangup_watch.hpp"
#include "common/time/system_time.hpp"

namespace activator::standalone {
namespace {

namespace asio = boost::asio;
using common::awaitable;
using kubernetes::ApiClient;
using kubernetes::Config;
using nlohmann::json;

constexpr const char* service_name = "sluice-webhook";
constexpr common::Duration refresh_period = std::chrono::seconds(30);
// An object is 1.5 MiB at most (etcd's limit); a review has two, and JSON of them may be longer.
constexpr std::size_t review_bytes_max = std::size_t{16} << 20;
constexpr std::size_t cookie_key_bytes = 32;

class App {
  public:
    App(const WebhookOptions& options, Config config, kubernetes::ApiAccess access);
    int run();

  private:
    awaitable<void> boot();
    awaitable<std::string> make_cookie_key();
    awaitable<void> refresh();
    void refresh_later();
    awaitable<void> serve(common::Exchange& client);
    awaitable<void> review(common::Exchange& client);
    void end();

    WebhookOptions options_;
    Config config_;
    AdmissionSettings settings_;
    asio::io_context io_{1};
    common::SystemTime time_{io_.get_executor()};
    common::HangupWatch hangups_{io_.get_executor()};
    common::TaskGroup tasks_{io_.get_executor()};
    ApiClient api_;
    WebhookCertificate certificate_;
    common::HttpServer server_;
    std::unique_ptr<common::Timer> timer_{time_.make_timer()};
    OrderlyEnd ending_;
    std::string problem_;  // of refresh(), that was logged last
    bool ended_ = false;
};

common::ServerLimits limits() {
    common::ServerLimits limits = admin_limits();
    limits.http2 = true;
    return limits;
}

App::App(const WebhookOptions& options, Config config, kubernetes::ApiAccess access)
    : options_(options),
      config_(std::move(config)),
      settings_{config_.queue_proxy_image, {}},
      api_(time_, std::move(access)),
      certificate_(api_, time_, config_.system_namespace, service_name),
      server_(tasks_, time_, hangups_, limits(),
              [this](common::Exchange& client) { return serve(client); }),
      ending_(io_, time_,
              OrderlyEnd::Server{[this] { server_.shut_down(); },
                                 [this] { return server_.connections(); }},
              options.drain_delay, {[] {}, [this] { end(); }, {}}) {
    server_.secure_with([this] { return certificate_.context(); });
}

int App::run() {
    ending_.start();
    tasks_.spawn("boot", boot());
    io_.run();
    return ending_.exit_code();
}

awaitable<void> App::boot() {
    std::string problem = co_await kubernetes::wait_for_api(api_, time_, kubernetes_min, ended_);
    if (problem.empty()) problem = co_await make_cookie_key();
    if (problem.empty()) problem = co_await certificate_.refresh();
    if (problem.empty())
        problem =
            co_await read_autoscaler_config(api_, config_.system_namespace, settings_.autoscaler);
    if (problem.empty() && !ended_) problem = server_.open(options_.listen);
    if (ended_) co_return;
    if (!problem.empty()) {
        common::log_start_failed(problem);
        ending_.end_now(1);
        co_return;
    }
    server_.start();
    refresh_later();
    common::log_info("started", "the webhook serves",
                     {{"address", common::to_string(server_.local_address())},
                      {"queue_proxy_image", settings_.image}});
    common::unmap_startup_code();
}

// The key that all activators share; whoever wants another one changes the Secret.
awaitable<std::string> App::make_cookie_key() {
    const std::string folder = "/api/v1/namespaces/" + config_.system_namespace + "/secrets";
    const std::string name = kubernetes::cookie_key_secret;
    const ApiClient::Answer found = co_await api_.get(folder + "/" + name);
    if (!found.problem.empty() || found.status != 404)
        co_return kubernetes::problem_of("Secret " + name, found);
    const std::string key = common::base64url_encode(common::random_bytes(cookie_key_bytes));
    const json object = {{"apiVersion", "v1"},
                         {"kind", "Secret"},
                         {"metadata", {{"name", name}, {"namespace", config_.system_namespace}}},
                         {"stringData", {{"keys", key}}}};
    ApiClient::Request request;
    request.method = "POST";
    request.target = folder;
    request.body = object.dump();
    const ApiClient::Answer made = co_await api_.call(std::move(request));
    if (made.status == 409) co_return std::string();  // another webhook was faster
    co_return kubernetes::problem_of("writing Secret " + name, made);
}

void App::refresh_later() {
    timer_->arm(time_.now() + refresh_period, [this] { tasks_.spawn("refresh", refresh()); });
}

awaitable<void> App::refresh() {
    std::string problem = co_await certificate_.refresh();
    if (problem.empty())
        problem =
            co_await read_autoscaler_config(api_, config_.system_namespace, settings_.autoscaler);
    if (problem != problem_ && !problem.empty()) common::log_error("webhook_refresh", problem, {});
    problem_ = std::move(problem);
    if (!ended_) refresh_later();
}

// --- Requests.

awaitable<void> App::serve(common::Exchange& client) {
    const std::string_view path = common::path_of_target(client.request().target);
    if (path == "/healthz") {
        co_await common::respond_text(client, 200, "ok\n");
    } else if (path == "/admit" && client.request().method == "POST") {
        co_await review(client);
    } else {
        co_await common::respond_text(client, 404, "not found\n");
    }
}

awaitable<void> App::review(common::Exchange& client) {
    const std::optional<std::string> body =
        co_await common::read_whole_body(client, review_bytes_max);
    std::optional<AdmissionAnswer> answer;
    if (body) answer = review_admission(*body, settings_);
    if (!answer) {
        co_await common::respond_text(client, 400, "not an AdmissionReview of v1\n");
        co_return;
    }
    if (answer->denied.empty()) {
        common::log_debug("admitted", answer->object, {});
    } else {
        common::log_info("denied", answer->denied, {{"object", answer->object}});
    }
    common::SimpleResponse response;
    response.content_type = "application/json";
    response.body = std::move(answer->body);
    co_await common::respond(client, std::move(response));
}

void App::end() {
    ended_ = true;
    timer_->disarm();
    server_.close_now();
}

}  // namespace

int run_webhook(const WebhookOptions& options) {
    std::signal(SIGPIPE, SIG_IGN);
    std::optional<kubernetes::Found> found =
        kubernetes::find_cluster("webhook", options.log.format);
    if (!found) return 1;
    return std::make_unique<App>(options, std::move(found->config), std::move(found->access))
        ->run();
}

}  // namespace activator::standalone
