#include "activator/live_stream.hpp"

#include <array>
#include <utility>

#include "common/http/problem.hpp"

namespace activator {
namespace {

using common::awaitable;

constexpr int retry_after_full_seconds = 10;

void add_event(std::string& news, std::string_view name, std::string_view data) {
    news += "event: ";
    news += name;
    news += "\ndata: ";
    news += data;
    news += "\n\n";
}

common::Problem too_many_viewers() {
    return {503, "too-many-viewers", "Too many pages are open",
            std::to_string(LiveStream::viewers_max) + " pages look at this server already",
            retry_after_full_seconds};
}

}  // namespace

LiveStream::LiveStream(Gateway& gateway, const History& history, const EventLog& log)
    : gateway_(gateway), history_(history), log_(log), timer_(gateway.time().make_timer()) {}

awaitable<void> LiveStream::serve(common::Exchange& client, PageView view) {
    if (closed_ || viewers_.size() >= viewers_max) {
        co_await common::respond_problem(client, too_many_viewers());
        co_return;
    }
    Viewer viewer(gateway_.executor());
    const auto place = viewers_.insert(viewers_.end(), &viewer);
    client.watch_client([&viewer] { viewer.woken.notify(); });
    co_await send_events(client, std::move(view), viewer);
    client.watch_client(nullptr);
    viewers_.erase(place);
}

awaitable<void> LiveStream::send_events(common::Exchange& client, PageView view, Viewer& viewer) {
    common::ResponseHead head;
    head.status = 200;
    head.fields.add("Content-Type", "text/event-stream");
    head.fields.add("Cache-Control", "no-store");
    head.fields.add("X-Content-Type-Options", "nosniff");
    head.body.kind = common::BodyKind::chunked;
    head.keep_alive = false;
    client.start_response(std::move(head));
    std::string news = "retry: 2000\n\n";
    add_event(news, "history", history_json(view, gateway_, history_));
    viewer.points_seen = points_taken_;
    bool last = false;
    while (!last && !client.client_gone()) {
        last = closed_;
        news += news_for(viewer, view);
        if (!news.empty() || last) {
            const std::array<std::string_view, 1> parts{news};
            common::BodyPiece piece;
            piece.parts = parts;
            piece.bytes = news.size();
            piece.last = last;
            viewer.sent_at = gateway_.time().now();
            const common::error_code ec = co_await client.send_body(piece);
            if (ec) co_return;
        }
        news.clear();
        if (last) co_return;
        arm();
        co_await viewer.woken.wait();
    }
}

std::string LiveStream::news_for(Viewer& viewer, const PageView& view) {
    std::string news;
    const Texts& texts = texts_of(view);
    if (viewer.points_seen != points_taken_) {
        viewer.points_seen = points_taken_;
        add_event(news, "point", texts.point);
    }
    if (texts.state != viewer.state_sent) {
        viewer.state_sent = texts.state;
        add_event(news, "state", texts.state);
    }
    // The first time even if it is empty: then nothing of the first picture is missing.
    if (viewer.log_sent != log_.last()) {
        add_event(news, "log", log_json(log_, viewer.log_sent.value_or(0)));
        viewer.log_sent = log_.last();
    }
    if (news.empty() && gateway_.time().now() - viewer.sent_at >= silence_max) news = ": here\n\n";
    return news;
}

const LiveStream::Texts& LiveStream::texts_of(const PageView& view) {
    const auto [entry, is_new] = shared_.try_emplace(view);
    if (is_new) {
        entry->second.state = state_json(view, gateway_, history_);
        entry->second.point = point_json(view, gateway_, history_);
    }
    return entry->second;
}

void LiveStream::arm() {
    if (armed_ || closed_) return;
    armed_ = true;
    timer_->arm(gateway_.time().now() + event_period, [this] { tick(); });
}

void LiveStream::tick() {
    armed_ = false;
    shared_.clear();
    for (Viewer* viewer : viewers_)
        viewer->woken.notify();
}

void LiveStream::close() {
    closed_ = true;
    timer_->disarm();
    for (Viewer* viewer : viewers_)
        viewer->woken.notify();
}

}  // namespace activator
