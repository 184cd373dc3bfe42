#include "sluice/top/read_events.hpp"

#include <time.h>

#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "sluice/text_width.hpp"

namespace sluice::top {
namespace {

using nlohmann::json;

constexpr double history_ms = 600'000;  // as the page: ten minutes at most
// One each two seconds are 300; a server whose clock stands still sends no more that count.
constexpr std::size_t points_max = 1000;
constexpr double clock_ms_max = 1e15;  // the year 33658

std::string text_of(const json& object, const char* name) {
    const auto found = object.find(name);
    return found == object.end() || !found->is_string() ? "" : printable(found->get<std::string>());
}

std::optional<double> number_of(const json& value) {
    return value.is_number() ? std::optional<double>(value.get<double>()) : std::nullopt;
}

std::optional<double> number_of(const json& object, const char* name) {
    const auto found = object.find(name);
    return found == object.end() ? std::nullopt : number_of(*found);
}

std::uint64_t count_of(const json& object, const char* name) {
    const auto found = object.find(name);
    return found == object.end() || !found->is_number_unsigned() ? 0 : found->get<std::uint64_t>();
}

bool flag_of(const json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_boolean() && found->get<bool>();
}

// Throws, as `at` does, if it is none.
const json::array_t& rows_of(const json& object, const char* name) {
    return object.at(name).get_ref<const json::array_t&>();
}

std::string clock_text(double at_ms) {
    const auto seconds =
        static_cast<::time_t>(std::clamp(at_ms, -clock_ms_max, clock_ms_max) / 1000);
    tm local{};
    std::array<char, 16> text{};
    if (::localtime_r(&seconds, &local) == nullptr) return "";
    std::strftime(text.data(), text.size(), "%H:%M:%S", &local);
    return text.data();
}

RevisionRow revision_of(const json& object) {
    RevisionRow row;
    row.key = text_of(object, "key");
    row.requests_per_s = number_of(object, "rps");
    row.wait_p95 = number_of(object, "wait_p95_s");
    row.running = count_of(object, "running");
    row.waiting = count_of(object, "waiting");
    row.pods_ready = count_of(object, "pods_ready");
    row.pods = count_of(object, "pods");
    return row;
}

PodRow pod_of(const json& object) {
    PodRow pod;
    pod.name = text_of(object, "name");
    pod.state = text_of(object, "state");
    pod.reason = text_of(object, "reason");
    pod.asked = number_of(object, "asked_s");
    pod.sessions = count_of(object, "sessions");
    pod.pinned = count_of(object, "pinned");
    pod.in_flight = count_of(object, "in_flight");
    pod.held = count_of(object, "held");
    if (object.contains("requests")) {
        for (const json& request : rows_of(object, "requests"))
            pod.work.push_back({text_of(request, "what"), flag_of(request, "control"),
                                number_of(request, "running_s").value_or(0)});
    }
    return pod;
}

QueueRow waiting_of(const json& object) {
    QueueRow row;
    row.position = count_of(object, "position");
    row.what = text_of(object, "what");
    row.pod = text_of(object, "pod");
    row.waited = number_of(object, "waited_s").value_or(0);
    row.left = number_of(object, "estimate_s");
    return row;
}

Detail detail_of(const json& object) {
    Detail detail;
    detail.key = text_of(object, "key");
    detail.affinity = flag_of(object, "affinity");
    detail.waiting = count_of(object, "waiting");
    detail.pods_ready = count_of(object, "pods_ready");
    detail.pods_total = count_of(object, "pods_total");
    detail.sessions = count_of(object, "sessions");
    detail.cold_starts = count_of(object.at("totals"), "cold_starts");
    detail.mean_start = number_of(object, "mean_start_s");
    for (const json& pod : rows_of(object, "pods"))
        detail.pods.push_back(pod_of(pod));
    for (const json& row : rows_of(object.at("queue"), "rows"))
        detail.queue.push_back(waiting_of(row));
    return detail;
}

void take_state(Picture& picture, const json& state) {
    std::vector<RevisionRow> rows;
    for (const json& revision : rows_of(state, "revisions"))
        rows.push_back(revision_of(revision));
    std::optional<Detail> selected;
    if (state.contains("selected")) selected = detail_of(state["selected"]);
    picture.revisions = std::move(rows);
    picture.revisions_total = count_of(state, "revisions_total");
    picture.selected = std::move(selected);
}

}  // namespace

void EventsPicture::begin_stream() {
    seen_history_ = seen_state_ = seen_log_ = false;
}

std::string EventsPicture::take(std::string_view name, std::string_view data) try {
    const json event = json::parse(data);
    if (name == "history") {
        columns_.clear();
        points_.clear();
        picture.recent = {};
        for (const json& column : rows_of(event, "columns"))
            columns_.emplace(column.get<std::string>(), columns_.size());
        for (const json& point : rows_of(event, "points"))
            take_point(point);
        seen_history_ = true;
    } else if (name == "point") {
        take_point(event);
    } else if (name == "state") {
        take_state(picture, event);
        seen_state_ = true;
    } else if (name == "log") {
        if (!seen_log_) picture.log.clear();
        seen_log_ = true;
        for (const json& line : event)
            picture.log.push_back({clock_text(number_of(line, "at").value_or(0)),
                                   text_of(line, "service"), text_of(line, "text")});
        if (picture.log.size() > log_rows_max)
            picture.log.erase(picture.log.begin(), picture.log.end() - log_rows_max);
    }
    return "";
} catch (const nlohmann::json::exception& error) {
    return "its event \"" + printable(name) + "\" is of another form: " + printable(error.what());
}

void EventsPicture::take_point(const json& values) {
    const auto value = [&](std::string_view column) -> std::optional<double> {
        const auto found = columns_.find(column);
        return found == columns_.end() ? std::nullopt : number_of(values.at(found->second));
    };
    Point point;
    point.at_ms = value("at").value_or(0);
    point.good = value("good").value_or(0);
    point.answered = point.good + value("e4xx").value_or(0) + value("e5xx").value_or(0);
    points_.push_back(point);
    while (points_.front().at_ms < point.at_ms - history_ms || points_.size() > points_max)
        points_.pop_front();
    double good = 0;
    double answered = 0;
    for (const Point& one : points_) {
        good += one.good;
        answered += one.answered;
    }
    picture.recent = {value("p50"), value("p95"), value("busy"), std::nullopt};
    if (answered > 0) picture.recent.success = good / answered;
}

}  // namespace sluice::top
