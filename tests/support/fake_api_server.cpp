#include "tests/support/fake_api_server.hpp"

#include <utility>

#include <catch2/catch.hpp>

#include "common/http/simple_response.hpp"
#include "common/http/whole_body.hpp"

namespace activator {

using common::awaitable;
using nlohmann::json;

namespace {

constexpr std::size_t body_bytes_max = std::size_t{1} << 20;
constexpr std::string_view scale = "/scale";

}  // namespace

FakeApiServer::FakeApiServer(boost::asio::io_context& io, common::TimeSource& time,
                             common::HangupWatch& hangups)
    : io_(io), time_(time), hangups_(hangups), tasks_(io.get_executor()) {
    open(0);
}

FakeApiServer::~FakeApiServer() {
    close();
}

void FakeApiServer::open(std::uint16_t port) {
    server_ = std::make_unique<common::HttpServer>(
        tasks_, time_, hangups_, common::ServerLimits{},
        [this](common::Exchange& client) { return serve(client); });
    REQUIRE(server_->open({"127.0.0.1", port, {}}).empty());
    port_ = server_->local_address().port;
    away_ = false;
    server_->start();
}

void FakeApiServer::close() {
    away_ = true;
    if (server_) server_->close_now();
    speak_again();
    common::run_until(io_, [this] { return tasks_.size() == 0; });
    server_.reset();
    unanswered_.clear();
}

void FakeApiServer::speak_again() {
    silent_ = false;
    for (const auto& one : unanswered_)
        one->notify();
}

void FakeApiServer::go_away() {
    close();
}

void FakeApiServer::come_back() {
    open(port_);
}

kubernetes::ApiAccess FakeApiServer::access() const {
    kubernetes::ApiAccess access;
    access.host.host = "127.0.0.1";
    access.host.port = port_;
    access.tls = false;
    return access;
}

void FakeApiServer::put(const std::string& path, json object) {
    object["metadata"]["resourceVersion"] = std::to_string(++version_);
    objects_[path] = std::move(object);
}

std::vector<FakeApiServer::Call> FakeApiServer::writes(const std::string& target_begins) const {
    std::vector<Call> found;
    for (const Call& call : calls) {
        if (call.method != "GET" && call.target.starts_with(target_begins)) found.push_back(call);
    }
    return found;
}

// --- Answers.

awaitable<void> FakeApiServer::serve(common::Exchange& client) {
    Call call;
    call.method = client.request().method;
    call.target = client.request().target;
    call.content_type = std::string(client.request().fields.get("Content-Type"));
    const std::optional<std::string> body = co_await read_whole_body(client, body_bytes_max);
    if (!body) co_return;
    if (!body->empty()) call.body = json::parse(*body);
    calls.push_back(call);
    if (before) before(call);
    if (silent_) {
        common::Signal& later =
            *unanswered_.emplace_back(std::make_unique<common::Signal>(io_.get_executor()));
        co_await later.wait();
        if (away_) co_return;
    }
    const Answer made = answer(call);
    common::SimpleResponse response;
    response.status = made.status;
    response.content_type = "application/json";
    response.body = made.body.dump();
    co_await respond(client, std::move(response));
}

FakeApiServer::Answer FakeApiServer::answer(const Call& call) {
    const auto told = refused.find(call.method + " " + call.target);
    if (told != refused.end())
        return {told->second, {{"kind", "Status"}, {"message", "as the test says"}}};
    if (call.method == "POST") return create(call);
    if (call.method == "PUT") return replace(call);
    if (call.method == "PATCH") return patch(call);
    const auto found = objects_.find(call.target);
    if (found == objects_.end()) return {404, {{"kind", "Status"}}};
    return {200, found->second};
}

FakeApiServer::Answer FakeApiServer::create(const Call& call) {
    const std::string path = call.target + "/" + call.body["metadata"]["name"].get<std::string>();
    if (has(path)) return {409, {{"kind", "Status"}}};
    put(path, call.body);
    return {201, objects_[path]};
}

// As the API server does it: without a version it replaces whatever stands there.
FakeApiServer::Answer FakeApiServer::replace(const Call& call) {
    const auto found = objects_.find(call.target);
    if (found == objects_.end()) return {404, {{"kind", "Status"}}};
    const json& metadata = call.body["metadata"];
    const bool other = metadata.contains("resourceVersion") &&
                       metadata["resourceVersion"] != found->second["metadata"]["resourceVersion"];
    if (other) return {409, {{"kind", "Status"}}};
    put(call.target, call.body);
    return {200, found->second};
}

FakeApiServer::Answer FakeApiServer::patch(const Call& call) {
    std::string path = call.target;
    if (path.ends_with(scale)) path.resize(path.size() - scale.size());
    const auto found = objects_.find(path);
    if (found == objects_.end()) return {404, {{"kind", "Status"}}};
    json object = found->second;
    if (call.content_type == "application/json-patch+json")
        object = object.patch(call.body);
    else if (call.content_type == "application/merge-patch+json")
        object.merge_patch(call.body);
    else
        return {415, {{"kind", "Status"}}};
    put(path, std::move(object));
    return {200, found->second};
}

}  // namespace activator
