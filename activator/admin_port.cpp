#include "activator/admin_port.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "activator/answers.hpp"
#include "activator/client_limits.hpp"
#include "activator/status.hpp"
#include "common/async/give_back_memory.hpp"
#include "common/core/parse.hpp"
#include "common/core/path_pattern.hpp"
#include "common/http/embedded_file.hpp"
#include "common/http/simple_response.hpp"
#include "common/log/log.hpp"
#include "embedded/dashboard_files.hpp"

namespace activator {
namespace {

using common::awaitable;
using common::RequestHead;

constexpr std::string_view cancel_prefix = "/api/requests/";
constexpr std::string_view cancel_suffix = "/cancel";
constexpr std::string_view page_prefix = "/page/";
// Of some thousand pods. Making it takes ten times its size.
constexpr std::size_t large_status = 1 << 20;

// Everything from this server, nothing inline, no frames around it.
constexpr std::string_view content_security_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

// The file of the page at this path; null if there is none.
const common::EmbeddedFile* page_file(std::string_view path) {
    std::string_view name = path == "/" ? "index.html" : path;
    if (name.starts_with(page_prefix)) name.remove_prefix(page_prefix.size());
    if (name.starts_with('/')) return nullptr;
    return common::find_embedded(embedded::dashboard_files(), name);
}

common::SimpleResponse page_response(const common::EmbeddedFile& file) {
    common::SimpleResponse response;
    response.content_type = common::content_type_of(file.name);
    response.body = file.bytes;
    response.fields.add("Content-Security-Policy", content_security_policy);
    response.fields.add("X-Content-Type-Options", "nosniff");
    response.fields.add("Referrer-Policy", "no-referrer");
    response.fields.add("Cache-Control", "no-cache");
    return response;
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::string percent_decoded(std::string_view text) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool triple = text[i] == '%' && i + 2 < text.size();
        const int high = triple ? hex_digit(text[i + 1]) : -1;
        const int low = triple ? hex_digit(text[i + 2]) : -1;
        if (high < 0 || low < 0) {
            decoded += text[i];
        } else {
            decoded += static_cast<char>(high * 16 + low);
            i += 2;
        }
    }
    return decoded;
}

std::optional<std::uint64_t> number_of(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (ec != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

PageView view_of(std::string_view target) {
    PageView view;
    const std::size_t mark = target.find('?');
    std::string_view rest = mark == target.npos ? "" : target.substr(mark + 1);
    while (!rest.empty()) {
        const std::string_view pair = rest.substr(0, rest.find('&'));
        rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
        if (pair.starts_with("revision=")) view.revision = percent_decoded(pair.substr(9));
        if (pair.starts_with("from=")) view.queue_from = number_of(pair.substr(5)).value_or(0);
    }
    return view;
}

bool is_local_name(std::string_view host) {
    if (host.starts_with('[')) return true;  // an IPv6 address is no name
    host = host.substr(0, host.rfind(':'));
    if (host == "localhost" || host.ends_with(".localhost")) return true;
    return !host.empty() && host.find_first_not_of("0123456789.") == host.npos;
}

common::Problem refused_cross_site(std::string why) {
    return {403, "cross-site", "This was not asked by the page itself", std::move(why), {}};
}

common::Problem not_waiting() {
    return {404,
            "not-waiting",
            "No such request waits",
            "it was never here, has left the line, or runs already",
            {}};
}

common::Problem post_only() {
    return {405, "method-not-allowed", "This takes a POST", "cancelling changes something", {}};
}

}  // namespace

AdminPort::AdminPort(common::TaskGroup& tasks, common::TimeSource& time,
                     common::HangupWatch& hangups, Gateway& gateway, const AdminDoor& door)
    : time_(time),
      gateway_(gateway),
      stream_(gateway, history_, log_),
      sampler_(time.make_timer()),
      server_(tasks, time, hangups, admin_limits(),
              behind(door, [this](common::Exchange& client) { return serve(client); })) {}

std::string AdminPort::open(const common::Address& address) {
    return server_.open(address);
}

std::string AdminPort::adopt(common::UniqueFd socket) {
    return server_.adopt(std::move(socket));
}

void AdminPort::start() {
    server_.start();
    sample();
}

void AdminPort::close_now() {
    sampler_->disarm();
    stream_.close();
    server_.close_now();
}

void AdminPort::log(std::string service, std::string text) {
    log_.add(time_.wall_now(), std::move(service), std::move(text));
}

void AdminPort::sample() {
    history_.sample(gateway_);
    stream_.point_taken();
    sampler_->arm(time_.now() + History::period, [this] { sample(); });
}

awaitable<void> AdminPort::serve(common::Exchange& client) {
    const RequestHead& head = client.request();
    const std::string path{common::path_of_target(head.target)};
    const bool cancels = path.size() > cancel_prefix.size() + cancel_suffix.size() &&
                         path.starts_with(cancel_prefix) && path.ends_with(cancel_suffix);
    if (cancels) {
        const std::size_t length = path.size() - cancel_prefix.size() - cancel_suffix.size();
        std::string id = path.substr(cancel_prefix.size(), length);
        co_await cancel(client, std::move(id));
    } else if (head.method != "GET" && head.method != "HEAD") {
        common::SimpleResponse response;
        response.status = 405;
        response.content_type = "text/plain; charset=utf-8";
        response.body = "405: only GET here\n";
        response.fields.add("Allow", "GET, HEAD");
        co_await common::respond(client, std::move(response));
    } else if (path == "/api/events" && head.method == "GET") {
        PageView view = view_of(head.target);
        co_await stream_.serve(client, std::move(view));
    } else {
        co_await serve_get(client, path);
    }
}

awaitable<void> AdminPort::serve_get(common::Exchange& client, std::string_view path) {
    common::SimpleResponse response;
    response.content_type = "text/plain; charset=utf-8";
    if (path == "/healthz" || path == "/readyz") {
        response.body = "ok\n";
    } else if (path == "/api/status") {
        response.content_type = "application/json";
        response.body = status_json(gateway_);
        if (response.body.size() > large_status) common::give_back_memory();
    } else if (path == "/metrics") {
        response.content_type = common::exposition_content_type;
        response.body = metrics_text(gateway_);
    } else if (const common::EmbeddedFile* file = page_file(path)) {
        response = page_response(*file);
    } else {
        response.status = 404;
        response.body = "404: / /api/status /api/events /metrics /healthz /readyz\n";
    }
    co_await common::respond(client, std::move(response));
}

// "" or why the request may come from another site than the page.
std::string AdminPort::cross_site(const RequestHead& head) const {
    if (head.fields.get("X-Sluice-Admin") != "cancel")
        return "the header X-Sluice-Admin: cancel is missing";
    const std::string_view host = head.fields.get("Host");
    const std::string& bound = server_.local_address().host;
    const bool loopback = bound.starts_with("127.") || bound == "::1";
    if (loopback && !is_local_name(host)) return "Host is no name of this machine";
    const std::string_view site = head.fields.get("Sec-Fetch-Site");
    if (!site.empty() && site != "same-origin") return "Sec-Fetch-Site is not same-origin";
    const std::string_view origin = head.fields.get("Origin");
    const bool same = origin.empty() || origin == "http://" + std::string(host) ||
                      origin == "https://" + std::string(host);
    return same ? "" : "Origin is not this server";
}

awaitable<void> AdminPort::cancel(common::Exchange& client, std::string id) {
    const RequestHead& head = client.request();
    if (head.method != "POST") {
        common::Fields fields;
        fields.add("Allow", "POST");
        co_await common::respond_problem(client, post_only(), std::move(fields));
        co_return;
    }
    std::string problem = cross_site(head);
    if (!problem.empty()) {
        co_await common::respond_problem(client, refused_cross_site(std::move(problem)));
        co_return;
    }
    const std::optional<std::uint64_t> number = number_of(id);
    if (!number || !gateway_.router().cancel(RequestId{*number})) {
        co_await common::respond_problem(client, not_waiting());
        co_return;
    }
    common::log_info("request_cancelled", "a waiting request was cancelled on the admin port",
                     {{"request", *number}, {"by", client.peer()}});
    common::SimpleResponse response;
    response.status = 204;
    co_await common::respond(client, std::move(response));
}

}  // namespace activator
