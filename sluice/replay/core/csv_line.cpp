#include "sluice/replay/core/csv_line.hpp"

#include <algorithm>

namespace sluice::replay {

bool CsvLine::is_open(std::string_view text) {
    return std::count(text.begin(), text.end(), '"') % 2 != 0;
}

bool CsvLine::cut(std::string_view record) {
    if (record.ends_with('\n')) record.remove_suffix(1);
    if (record.ends_with('\r')) record.remove_suffix(1);
    fields_.clear();
    unquoted_.clear();
    unquoted_.reserve(record.size());  // it never grows: views of it stay good
    std::size_t at = 0;
    while (true) {
        if (at < record.size() && record[at] == '"') {
            const std::size_t begin = unquoted_.size();
            for (++at;; ++at) {
                if (at >= record.size()) return false;
                if (record[at] != '"') {
                    unquoted_ += record[at];
                    continue;
                }
                if (at + 1 >= record.size() || record[at + 1] != '"') break;
                unquoted_ += record[at++];
            }
            ++at;
            fields_.push_back(std::string_view(unquoted_).substr(begin));
        } else {
            const std::size_t end = std::min(record.find(',', at), record.size());
            fields_.push_back(record.substr(at, end - at));
            if (fields_.back().find('"') != std::string_view::npos) return false;
            at = end;
        }
        if (at >= record.size()) return true;
        if (record[at] != ',') return false;
        ++at;
    }
}

}  // namespace sluice::replay
