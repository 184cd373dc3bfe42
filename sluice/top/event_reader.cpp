#include "sluice/top/event_reader.hpp"

#include <utility>

namespace sluice::top {

bool EventReader::feed(std::string_view bytes) {
    while (!bytes.empty()) {
        const std::size_t end = bytes.find('\n');
        line_ += bytes.substr(0, end);
        if (line_.size() + data_.size() > event_bytes_max) return false;
        if (end == bytes.npos) return true;
        bytes.remove_prefix(end + 1);
        end_line();
    }
    return true;
}

void EventReader::end_line() {
    std::string_view line = line_;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) {
        if (!data_.empty()) on_event_(name_, data_);
        name_.clear();
        data_.clear();
    } else {
        const std::size_t colon = line.find(':');
        const std::string_view field = line.substr(0, colon);
        std::string_view value = colon == line.npos ? "" : line.substr(colon + 1);
        if (value.starts_with(' ')) value.remove_prefix(1);
        if (field == "event") name_ = value;
        if (field == "data") {
            if (!data_.empty()) data_ += '\n';
            data_ += value;
        }
    }
    line_.clear();
}

}  // namespace sluice::top
