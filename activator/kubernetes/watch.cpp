#include "activator/kubernetes/watch.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include "activator/kubernetes/core/retry_pause.hpp"
#include "common/async/watchdog.hpp"
#include "common/log/log.hpp"

namespace activator::kubernetes {
namespace {

using common::awaitable;
using nlohmann::json;

constexpr int gone = 410;
constexpr int forbidden = 403;
constexpr int page_size = 250;  // a page is parsed in one go
// As client-go: the server ends a watch after 5 to 10 minutes.
constexpr std::uint64_t watch_seconds_min = 300;
constexpr common::Duration watch_grace = std::chrono::seconds(30);
// A watch that ends sooner than this, with nothing said, counts as a failure.
constexpr common::Duration shortest_watch = std::chrono::seconds(1);

}  // namespace

Watch::Watch(common::TaskGroup& tasks, common::TimeSource& time, ApiClient& api, std::uint64_t seed,
             What what, Events events)
    : tasks_(tasks),
      time_(time),
      api_(api),
      rng_(seed),
      what_(std::move(what)),
      events_(std::move(events)),
      timer_(time.make_timer()),
      wake_(tasks.executor()) {}

void Watch::start() {
    tasks_.spawn("watch", run());
}

void Watch::stop() {
    stopped_ = true;
    timer_->disarm();
    wake_.notify();
    if (connection_) connection_->close();
}

awaitable<void> Watch::run() {
    while (!stopped_) {
        const bool listing = version_.empty();
        End end = End::again;
        if (listing) {
            end = co_await list();
        } else {
            end = co_await follow();
        }
        if (end == End::again) continue;
        if (end == End::expired) version_.clear();
        // The first time at once; a server that does nothing else is not asked all the time.
        if (end == End::expired && failures_++ == 0) continue;
        const common::Duration time_off = pause(api_pauses, failures_++, rng_);
        co_await rest(time_off);
    }
}

awaitable<void> Watch::rest(common::Duration time_off) {
    if (stopped_) co_return;
    timer_->arm(time_.now() + time_off, [this] { wake_.notify(); });
    co_await wake_.wait();
}

std::string Watch::query(const std::string& more) const {
    std::string target = what_.path + "?" + more;
    if (!what_.label_selector.empty())
        target += "&labelSelector=" + percent_encoded(what_.label_selector);
    if (!what_.field_selector.empty())
        target += "&fieldSelector=" + percent_encoded(what_.field_selector);
    return target;
}

// --- The list.

awaitable<Watch::End> Watch::list() {
    std::set<ObjectName> listed;
    std::string next;
    do {
        std::string target = query("limit=" + std::to_string(page_size));
        if (!next.empty()) target += "&continue=" + percent_encoded(next);
        const ApiClient::Answer answer = co_await api_.get(std::move(target));
        if (stopped_) co_return End::again;
        if (!answer.problem.empty()) co_return broken(answer.problem);
        if (answer.status != 200) co_return refused(answer.status);
        next.clear();
        const End end = take_page(answer.body, listed, next);
        if (end != End::again) co_return end;
    } while (!next.empty());
    for (const ObjectName& name : known_) {
        if (!listed.contains(name)) events_.on_gone(name);
    }
    known_ = std::move(listed);
    ++lists_;
    well();
    events_.on_synced(true);
    co_return End::again;
}

Watch::End Watch::take_page(const std::string& body, std::set<ObjectName>& listed,
                            std::string& next) {
    const std::optional<ListPage> page = read_list_page(body, [&](const json& object) {
        listed.insert(read_name(object));
        events_.on_object(object);
    });
    if (!page) return broken("the list is no list");
    next = page->next;
    version_ = next.empty() ? page->version : std::string();
    return End::again;
}

// --- The watch.

awaitable<Watch::End> Watch::follow() {
    const std::uint64_t seconds = watch_seconds_min + rng_.below(watch_seconds_min);
    std::string target =
        query("watch=1&allowWatchBookmarks=true&resourceVersion=" + percent_encoded(version_) +
              "&timeoutSeconds=" + std::to_string(seconds));
    const common::Instant begun = time_.now();
    ApiClient::Opened opened = co_await api_.open(std::move(target));
    if (stopped_) co_return End::again;
    if (!opened.problem.empty()) co_return broken(opened.problem);
    if (opened.status != 200) co_return refused(opened.status);
    connection_ = std::move(opened.connection);
    common::Watchdog watchdog(time_, [this] { connection_->close(); });
    watchdog.set(begun + std::chrono::seconds(seconds) + watch_grace);
    const std::string version = version_;
    const End end = co_await read_lines();
    watchdog.clear();
    connection_.reset();
    const bool of_use = version != version_ || time_.now() - begun >= shortest_watch;
    if (end == End::again && !of_use && !stopped_) co_return broken("the watch ends at once");
    if (end == End::again) well();
    if (of_use) failures_ = 0;
    co_return end;
}

awaitable<Watch::End> Watch::read_lines() {
    WatchLines lines;
    while (!connection_->response_done()) {
        const common::BodyRead read = co_await connection_->read_body();
        // Watches end in many ways, and all of them mean: go on from where we are.
        if (read.ec || stopped_) co_return End::again;
        for (const std::string_view part : read.piece.parts)
            lines.add(part);
        while (const std::optional<std::string> line = lines.next()) {
            const End taken = take_line(*line);
            if (taken != End::again) co_return taken;
        }
        if (lines.too_long()) co_return broken("an event is longer than 8 MiB");
    }
    co_return End::again;
}

Watch::End Watch::take_line(const std::string& line) {
    const std::optional<WatchEvent> event = read_watch_event(
        line, [this](WatchEvent::Kind kind, const json& object) { take_object(kind, object); });
    if (!event) return broken("an event is no event");
    if (event->kind == WatchEvent::Kind::error) return refused(event->status);
    if (!event->version.empty()) version_ = event->version;
    return End::again;
}

void Watch::take_object(WatchEvent::Kind kind, const json& object) {
    const ObjectName name = read_name(object);
    if (kind == WatchEvent::Kind::gone) {
        known_.erase(name);
        events_.on_gone(name);
    } else {
        known_.insert(name);
        events_.on_object(object);
    }
}

// --- What goes wrong.

Watch::End Watch::refused(int status) {
    if (status == gone) {
        common::log_info("watch_expired", "the API server wants a new list",
                         {{"resource", what_.name}});
        return End::expired;
    }
    const End end = broken(status == forbidden ? "no right to list and watch (403)"
                                               : "answered " + std::to_string(status));
    if (status == forbidden && !std::exchange(told_denied_, true)) events_.on_synced(false);
    return end;
}

Watch::End Watch::broken(const std::string& problem) {
    if (problem != problem_ && !stopped_)
        common::log_warning("watch_failed", problem,
                            {{"resource", what_.name}, {"path", what_.path}});
    problem_ = problem;
    return End::failed;
}

void Watch::well() {
    if (!problem_.empty())
        common::log_info("watch_recovered", "the API server answers again",
                         {{"resource", what_.name}});
    problem_.clear();
}

}  // namespace activator::kubernetes
