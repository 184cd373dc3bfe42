#include "activator/standalone/peers.hpp"

#include <utility>

#include "activator/client_limits.hpp"
#include "common/core/path_pattern.hpp"
#include "common/crypto/hmac.hpp"
#include "common/forward/fetch.hpp"
#include "common/http/simple_response.hpp"
#include "common/http/whole_body.hpp"
#include "common/log/log.hpp"

namespace activator::standalone {
namespace {

using common::awaitable;

constexpr std::size_t report_bytes_max = std::size_t{4} << 20;
constexpr const char* signature_field = "Sluice-Signature";

std::string signature(std::string_view key, std::string_view body) {
    // The same keys sign cookies: what they sign says what it is.
    std::string message = "sluice reports 1\n";
    message += body;
    const common::Sha256 digest = common::hmac_sha256(key, message);
    return common::base64url_encode({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

}  // namespace

Peers::Peers(common::TaskGroup& tasks, common::TimeSource& time, common::HangupWatch& hangups,
             std::string identity, Events events)
    : tasks_(tasks),
      time_(time),
      identity_(std::move(identity)),
      events_(std::move(events)),
      server_(tasks, time, hangups, admin_limits(),
              [this](common::Exchange& client) { return serve(client); }) {}

void Peers::close_now() {
    closed_ = true;
    server_.close_now();
}

// --- Sending.

void Peers::send(const common::Address& leader, RevisionReports reports) {
    leader_ = leader;
    for (RevisionReport& report : reports) {
        RevisionReport& kept = waiting_[{report.name_space, report.name}];
        kept.name_space = std::move(report.name_space);
        kept.name = std::move(report.name);
        kept.load.follow(report.load);
    }
    if (sending_ || closed_ || waiting_.empty()) return;
    sending_ = true;
    tasks_.spawn("report", run());
}

awaitable<void> Peers::run() {
    while (!waiting_.empty() && !closed_) {
        RevisionReports reports;
        for (auto& [name, report] : std::exchange(waiting_, {}))
            reports.push_back(std::move(report));
        common::FetchRequest request;
        request.address = leader_;
        request.body = encode_reports(reports, identity_, time_.wall_now());
        request.head.method = "POST";
        request.head.target = "/reports";
        request.head.fields.add("Content-Type", "application/protobuf");
        request.head.fields.add("Content-Length", std::to_string(request.body.size()));
        request.head.fields.add(signature_field, signature(keys_.front(), request.body));
        const common::FetchResult result = co_await common::fetch(time_, std::move(request));
        std::string problem;
        if (result.ec) problem = result.ec.message();
        if (!result.ec && result.head.status >= 300)
            problem = std::to_string(result.head.status) + " " + result.body;
        while (problem.ends_with('\n'))
            problem.pop_back();
        if (problem != problem_ && !problem.empty())
            common::log_warning("report_failed", "the leader does not take our reports",
                                {{"leader", common::to_string(leader_)}, {"reason", problem}});
        problem_ = std::move(problem);
    }
    sending_ = false;
}

// --- Hearing.

awaitable<void> Peers::serve(common::Exchange& client) {
    const std::string_view path = common::path_of_target(client.request().target);
    if (path == "/livez") {
        co_await common::respond_text(client, 200, "ok\n");
    } else if (path == "/healthz") {
        const std::string problem = events_.health();
        const int status = problem.empty() ? 200 : 503;
        const std::string text = (problem.empty() ? "ok" : problem) + "\n";
        co_await common::respond_text(client, status, text);
    } else if (path == "/reports" && client.request().method == "POST") {
        co_await take(client);
    } else {
        co_await common::respond_text(client, 404, "not found\n");
    }
}

awaitable<void> Peers::take(common::Exchange& client) {
    const std::string given(client.request().fields.get(signature_field));
    const std::optional<std::string> body =
        co_await common::read_whole_body(client, report_bytes_max);
    int status = 200;
    std::string said = "ok\n";
    if (!body || !is_signed(*body, given)) {
        status = 403;
        said = "not signed with a key of the Secret sluice-cookie-key\n";
    } else {
        ReceivedReports received = decode_reports(*body, time_.wall_now());
        if (!received.problem.empty()) {
            status = 400;
            said = "the message " + received.problem + "\n";
        } else if (!events_.on_reports(received.activator, std::move(received.reports))) {
            status = 409;
            said = "another activator leads\n";
        }
    }
    co_await common::respond_text(client, status, said);
}

bool Peers::is_signed(std::string_view body, std::string_view given) const {
    for (const std::string& key : keys_) {
        if (common::equal_in_constant_time(given, signature(key, body))) return true;
    }
    return false;
}

}  // namespace activator::standalone
