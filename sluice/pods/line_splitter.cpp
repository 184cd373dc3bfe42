#include "sluice/pods/line_splitter.hpp"

#include <algorithm>
#include <utility>

namespace sluice {

void LineSplitter::feed(std::string_view bytes, const OnLine& on_line) {
    while (!bytes.empty()) {
        const char first = bytes.front();
        if (first == '\n' || first == '\r') {
            bytes.remove_prefix(1);
            const bool second_half = first == '\n' && after_return_;
            const bool empty_return = first == '\r' && line_.empty();
            after_return_ = first == '\r' && !empty_return;
            if (!second_half && !empty_return) end_line(on_line);
            continue;
        }
        after_return_ = false;
        const std::size_t end = std::min(bytes.find_first_of("\r\n"), bytes.size());
        const std::size_t taken = std::min(end, max_log_line - line_.size());
        line_.append(bytes.substr(0, taken));
        bytes.remove_prefix(taken);
        if (line_.size() == max_log_line && !bytes.empty() && bytes.front() != '\n' &&
            bytes.front() != '\r')
            end_line(on_line);
    }
}

void LineSplitter::finish(const OnLine& on_line) {
    if (!line_.empty()) end_line(on_line);
    after_return_ = false;
}

void LineSplitter::end_line(const OnLine& on_line) {
    // Moved out first: `on_line` may throw, and the next piece must not repeat this one.
    const std::string line = std::exchange(line_, {});
    on_line(line);
}

}  // namespace sluice
