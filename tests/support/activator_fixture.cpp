#include "tests/support/activator_fixture.hpp"

#include <catch2/catch.hpp>

#include "common/http/fields.hpp"

namespace activator {

ActivatorFixture::ActivatorFixture(Revision first, Limits bounds)
    : ServerFixture([this](common::Exchange& client) { return serve_request(client, *serve); }),
      router(time, io.get_executor(), bounds),
      pool(std::make_unique<common::BackendPool>(time, common::BackendPool::Options{})),
      serve(new ServeContext{router, *pool, tasks, time, cookies, {}, {}, {}}) {
    id = add_revision(std::move(first));
    serve->route = [this](const common::RequestHead& head) {
        return routes.by_host(head.fields.get("Host"));
    };
    serve->on_finished = [this](const common::Exchange&, const RequestRecord& record) {
        records.push_back(record);
    };
    router.on_unreachable([this](PodId pod) { doubted.push_back(pod); });
}

ActivatorFixture::~ActivatorFixture() {
    pool->clear();
    // Connections of clients that the test has left open, and requests that pods still hold.
    for (const auto& client : clients_)
        client->end();
    for (const auto& pod : pods_) {
        for (std::size_t i = 0; i < pod->script.count(); ++i)
            pod->script[i].close();
    }
    common::run_until(io, [this] { return tasks.size() == 0; });
}

Revision ActivatorFixture::plain_revision() {
    Revision revision;
    revision.name_space = "default";
    revision.service = "sd";
    revision.name = "sd-00001";
    return revision;
}

RevisionId ActivatorFixture::add_revision(Revision revision) {
    const RevisionId added = router.add_revision(std::move(revision));
    routes.add(*router.revision(added));
    return added;
}

ActivatorFixture::PodEnd& ActivatorFixture::add_pod(const std::string& name, bool ready) {
    return add_pod_to(id, name, ready);
}

ActivatorFixture::PodEnd& ActivatorFixture::add_pod_to(RevisionId to, const std::string& name,
                                                       bool ready) {
    pods_.push_back(std::make_unique<PodEnd>(io));
    PodEnd& pod = *pods_.back();
    pod.id = router.add_pod(to, name, pod.script.address());
    if (ready) router.set_pod_ready(pod.id, true);
    return pod;
}

void ActivatorFixture::PodEnd::answer(std::string_view body, std::string_view more) {
    last().say("HTTP/1.1 200 OK\r\n" + std::string(more) +
               "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body));
}

void ActivatorFixture::PodEnd::refuse(std::string_view why) {
    last().say("HTTP/1.1 503 Service Unavailable\r\nSluice-Refused: " + std::string(why) +
               "\r\nContent-Length: 5\r\n\r\nfull\n");
}

std::size_t ActivatorFixture::PodEnd::requests() const {
    const std::string all = script.got();
    std::size_t n = 0;
    for (std::size_t at = 0; (at = all.find(" HTTP/1.1\r\n", at)) != std::string::npos; ++at)
        ++n;
    return n;
}

std::shared_ptr<common::MemoryPeer> ActivatorFixture::say(std::string_view bytes) {
    const std::shared_ptr<common::MemoryPeer> client = connect();
    clients_.push_back(client);
    client->send(bytes);
    time.settle();
    return client;
}

void ActivatorFixture::until(const std::function<bool()>& done) {
    REQUIRE(common::run_until(io, done));
    time.settle();
}

void ActivatorFixture::until_requests(PodEnd& pod, std::size_t n) {
    until([&] { return pod.requests() >= n; });
    CHECK(pod.requests() == n);
}

std::string ActivatorFixture::answer_to(common::MemoryPeer& client) {
    until([&] {
        const std::string& got = client.received();
        const std::size_t end = got.find("\r\n\r\n");
        if (end == std::string::npos) return client.closed();
        const std::string length = field_of(got, "Content-Length");
        if (length.empty()) return client.closed() || contains(got, "\r\n0\r\n\r\n");
        return got.size() >= end + 4 + std::stoul(length);
    });
    return client.take();
}

void ActivatorFixture::until_finished(std::size_t n) {
    until([&] { return records.size() >= n; });
    CHECK(records.size() == n);
}

int status_of(std::string_view answer) {
    if (!answer.starts_with("HTTP/1.1 ") || answer.size() < 12) return 0;
    return std::stoi(std::string(answer.substr(9, 3)));
}

std::string field_of(std::string_view answer, std::string_view name) {
    std::string_view head = answer.substr(0, answer.find("\r\n\r\n"));
    while (true) {
        const std::size_t end = head.find("\r\n");
        const std::string_view line = head.substr(0, end);
        const std::size_t colon = line.find(':');
        if (colon != std::string_view::npos &&
            common::equal_ignoring_case(line.substr(0, colon), name))
            return std::string(common::trim_blanks(line.substr(colon + 1)));
        if (end == std::string_view::npos) return "";
        head.remove_prefix(end + 2);
    }
}

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

}  // namespace activator
