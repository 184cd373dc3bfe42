#include "sluice/replay/trace_reader.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "activator/core/affinity_hash.hpp"
#include "common/core/parse.hpp"
#include "sluice/replay/core/parse_moment.hpp"

namespace sluice::replay {
namespace {

using common::Duration;
using common::Instant;

constexpr std::size_t buffer_bytes = std::size_t{1} << 18;
constexpr std::size_t line_bytes_max = std::size_t{1} << 20;
constexpr std::size_t record_bytes_max = line_bytes_max;
// A run or a load of more than a week is a slip of units.
constexpr double seconds_max = 7 * 86'400.0;

std::optional<Duration> seconds_of(std::string_view text) {
    const std::optional<double> seconds = common::parse_number(text);
    if (!seconds || *seconds < 0 || *seconds > seconds_max) return std::nullopt;
    return common::from_seconds(*seconds);
}

// Never 0, which means none.
std::uint64_t key_of(std::string_view text) {
    if (text.empty()) return 0;
    return std::max<std::uint64_t>(activator::stable_hash(text), 1);
}

std::string quoted(std::string_view text) {
    constexpr std::size_t shown = 40;
    return "\"" + std::string(text.substr(0, shown)) + (text.size() > shown ? "...\"" : "\"");
}

}  // namespace

TraceReader::TraceReader(const std::string& path, const ColumnMap& map)
    : buffer_(buffer_bytes), path_(path), one_line_(line_bytes_max) {
    file_.rdbuf()->pubsetbuf(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
    file_.open(path);
    if (!file_) {
        error_ = path + ": " + std::strerror(errno);
        return;
    }
    if (!read_record()) {
        if (error_.empty()) error_ = path + ": is empty, a header is expected in its first line";
        return;
    }
    read_header(map);
}

// Appends the next line to record_; false at the end of the file, and where it is no text.
bool TraceReader::read_line() {
    if (file_.getline(one_line_.data(), static_cast<std::streamsize>(one_line_.size()))) {
        ++lines_read_;
        record_.append(one_line_.data(), static_cast<std::size_t>(file_.gcount()));
        if (!file_.eof()) record_.pop_back();  // counted, but a NUL now
        return true;
    }
    if (file_.gcount() > 0)
        error_ = path_ + ":" + std::to_string(lines_read_ + 1) +
                 ": the line is longer than 1 MiB; is this CSV?";
    return false;
}

// Reads one record into record_; false at the end of the file.
bool TraceReader::read_record() {
    line_number_ = lines_read_ + 1;
    record_.clear();
    if (!read_line()) return false;
    while (CsvLine::is_open(record_) && record_.size() < record_bytes_max) {
        record_ += '\n';
        if (!read_line()) break;
    }
    return true;
}

void TraceReader::read_header(const ColumnMap& map) {
    if (record_.starts_with("\xef\xbb\xbf")) record_.erase(0, 3);
    if (!line_.cut(record_)) {
        error_ = path_ + ":1: the header is not a line of CSV";
        return;
    }
    const std::vector<std::string_view>& names = line_.fields();
    columns_ = names.size();
    for (std::size_t i = 0; i < column_names.size(); ++i) {
        const auto column = static_cast<Column>(i);
        const auto found = std::find(names.begin(), names.end(), map.header(column));
        if (found != names.end()) {
            index_[i] = static_cast<std::size_t>(found - names.begin());
        } else if (map.must_exist(column)) {
            error_ = path_ + ":1: --map: there is no column \"" + map.header(column) + "\" for " +
                     std::string(column_names[i]);
        }
    }
    if (!error_.empty()) return;
    const bool has_time = index_[static_cast<std::size_t>(Column::arrival)] ||
                          index_[static_cast<std::size_t>(Column::end)];
    const bool has_run = index_[static_cast<std::size_t>(Column::run)].has_value();
    if (has_time && has_run) return;
    const Column missing = has_time ? Column::run : Column::arrival;
    error_ = path_ + ":1: there is no column \"" + map.header(missing) +
             "\"; say which one it is: " + "--map " +
             std::string(column_names[static_cast<std::size_t>(missing)]) + "=COLUMN";
}

std::optional<std::string_view> TraceReader::field(Column column) const {
    const std::optional<std::size_t> index = index_[static_cast<std::size_t>(column)];
    if (!index || line_.fields()[*index].empty()) return std::nullopt;
    return line_.fields()[*index];
}

std::string TraceReader::read_times(TraceRow& row) const {
    const std::optional<std::string_view> run = field(Column::run);
    if (!run) return "run is empty";
    const std::optional<Duration> took = seconds_of(*run);
    if (!took) return "run: " + quoted(*run) + " is not a number of seconds from 0 to 604800";
    row.run = *took;
    const bool by_end = !index_[static_cast<std::size_t>(Column::arrival)];
    const std::string_view name = by_end ? "end" : "arrival";
    const std::optional<std::string_view> text = field(by_end ? Column::end : Column::arrival);
    if (!text) return std::string(name) + " is empty";
    const std::optional<Duration> moment = parse_moment(*text);
    if (!moment)
        return std::string(name) + ": " + quoted(*text) +
               " is neither like 2024-11-15 16:57:50 nor a number of seconds";
    row.arrival = Instant(*moment - (by_end ? row.run : Duration::zero()));
    return "";
}

// What is wrong with the record, or "".
std::string TraceReader::parse(TraceRow& row) const {
    std::string wrong = read_times(row);
    if (!wrong.empty()) return wrong;
    row.session = key_of(field(Column::session).value_or(""));
    row.model = key_of(field(Column::model).value_or(""));
    for (const Column column : {Column::load, Column::left}) {
        const std::optional<std::string_view> text = field(column);
        if (!text) continue;
        const std::optional<Duration> seconds = seconds_of(*text);
        if (!seconds)
            return std::string(column_names[static_cast<std::size_t>(column)]) + ": " +
                   quoted(*text) + " is not a number of seconds from 0 to 604800";
        (column == Column::load ? row.load : row.left) = seconds;
    }
    // nginx's word for a client that closed its connection.
    if (field(Column::status) == "499" && !row.left) row.left = row.run;
    return "";
}

void TraceReader::bad(std::string reason) {
    ++bad_count_;
    if (bad_.size() < bad_rows_kept) bad_.push_back({line_number_, std::move(reason)});
}

// One record more into pending_, or among the bad ones; false at the end of the file.
bool TraceReader::read_row() {
    if (!read_record()) return false;
    if (record_.empty() || record_ == "\r") return true;
    if (!line_.cut(record_)) {
        bad("is not a line of CSV");
        return true;
    }
    if (line_.fields().size() != columns_) {
        bad("has " + std::to_string(line_.fields().size()) + " fields, the header has " +
            std::to_string(columns_));
        return true;
    }
    Pending pending{{}, line_number_};
    std::string wrong = parse(pending.row);
    if (wrong.empty() && pending.row.arrival < last_)
        wrong = "comes more than " + std::to_string(reorder_rows) + " rows too late";
    if (wrong.empty())
        pending_.push(pending);
    else
        bad(std::move(wrong));
    return true;
}

std::optional<TraceRow> TraceReader::next() {
    while (pending_.size() < reorder_rows && read_row()) {
    }
    if (pending_.empty()) return std::nullopt;
    TraceRow row = pending_.top().row;
    pending_.pop();
    last_ = row.arrival;
    if (!first_) first_ = row.arrival;
    row.arrival = Instant(row.arrival - *first_);
    ++rows_;
    return row;
}

}  // namespace sluice::replay
