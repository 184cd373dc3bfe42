// Server-sent events out of bytes as they come (WHATWG HTML, 9.2.6): what the admin port sends.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace sluice::top {

class EventReader {
  public:
    using OnEvent = std::function<void(std::string_view name, std::string_view data)>;
    // The largest event is the state of a hundred pods, far below.
    static constexpr std::size_t event_bytes_max = std::size_t{4} * 1024 * 1024;

    explicit EventReader(OnEvent on_event) : on_event_(std::move(on_event)) {}

    // False if an event is too long: this is no server of ours.
    bool feed(std::string_view bytes);

  private:
    void end_line();

    OnEvent on_event_;
    std::string line_;
    std::string name_;
    std::string data_;
};

}  // namespace sluice::top
