#include "activator/kubernetes/watch_text.hpp"

#include <utility>

#include <nlohmann/json.hpp>

namespace activator::kubernetes {
namespace {

using nlohmann::json;

// An object is 1.5 MiB at most (etcd's limit); JSON of it may be longer.
constexpr std::size_t line_bytes_max = std::size_t{8} << 20;

// metadata.<key>; empty if there is no such text.
std::string metadata_of(const json& object, const char* key) {
    if (!object.is_object()) return {};
    const auto metadata = object.find("metadata");
    if (metadata == object.end() || !metadata->is_object()) return {};
    const auto value = metadata->find(key);
    if (value == metadata->end() || !value->is_string()) return {};
    return value->get<std::string>();
}

constexpr const char* version_key = "resourceVersion";

}  // namespace

std::optional<ListPage> read_list_page(const std::string& body,
                                       const std::function<void(const json&)>& on_object) {
    const json page = json::parse(body, nullptr, false);
    ListPage result;
    result.version = metadata_of(page, version_key);
    if (result.version.empty() || !page.contains("items")) return std::nullopt;
    result.next = metadata_of(page, "continue");
    const json& items = page["items"];
    if (!items.is_array()) return result;  // a list of nothing has null there
    for (const json& object : items)
        on_object(object);
    return result;
}

std::optional<WatchEvent> read_watch_event(
    const std::string& line, const std::function<void(WatchEvent::Kind, const json&)>& on_object) {
    const json event = json::parse(line, nullptr, false);
    const bool good = event.is_object() && event.contains("type") && event["type"].is_string() &&
                      event.contains("object");
    if (!good) return std::nullopt;
    const std::string& type = event["type"].get_ref<const std::string&>();
    WatchEvent result;
    if (type == "ERROR") result.kind = WatchEvent::Kind::error;
    if (type == "BOOKMARK") result.kind = WatchEvent::Kind::bookmark;
    if (type == "DELETED") result.kind = WatchEvent::Kind::gone;
    const json& object = event["object"];
    result.version = metadata_of(object, version_key);
    const bool has_code =
        object.is_object() && object.contains("code") && object["code"].is_number_integer();
    if (result.kind == WatchEvent::Kind::error && has_code)
        result.status = object["code"].get<int>();
    const bool of_object =
        result.kind == WatchEvent::Kind::changed || result.kind == WatchEvent::Kind::gone;
    if (of_object) on_object(result.kind, object);
    return result;
}

std::optional<std::string> WatchLines::next() {
    while (true) {
        const std::size_t end = bytes_.find('\n', read_);
        if (end == std::string::npos) {
            bytes_.erase(0, std::exchange(read_, 0));
            return std::nullopt;
        }
        std::string line = bytes_.substr(read_, end - read_);
        read_ = end + 1;
        if (!line.empty()) return line;
    }
}

bool WatchLines::too_long() const {
    return bytes_.size() > line_bytes_max;
}

}  // namespace activator::kubernetes
