// What the API server says to a list or a watch, from bytes to values: a page of a list, and the
// lines of a watch's endless answer, each an event. No I/O; the server's bytes may be anything.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace activator::kubernetes {

struct ListPage {
    std::string version;  // of the list; never empty
    std::string next;     // the token of the next page; empty: this was the last
};
// Tells every object of the page. Empty: it is no page of a list, and nothing has been told.
std::optional<ListPage> read_list_page(const std::string& body,
                                       const std::function<void(const nlohmann::json&)>& on_object);

struct WatchEvent {
    enum class Kind : std::uint8_t { changed, gone, bookmark, error };
    Kind kind = Kind::changed;
    std::string version;  // metadata.resourceVersion of the object; may be empty
    int status = 0;       // error: what an answer's status would be; 0 if it is none
};
// Tells the object that has changed or gone. Empty: it is no event.
std::optional<WatchEvent> read_watch_event(
    const std::string& line,
    const std::function<void(WatchEvent::Kind, const nlohmann::json&)>& on_object);

// Cuts what comes in into lines; empty ones are left out.
class WatchLines {
  public:
    void add(std::string_view bytes) { bytes_.append(bytes); }
    // The next whole line, without its end.
    std::optional<std::string> next();
    // What is left is longer than an event can be. REQUIRES: next() has returned nothing.
    bool too_long() const;

  private:
    std::string bytes_;
    std::size_t read_ = 0;  // bytes in front that have been returned
};

}  // namespace activator::kubernetes
