// Reads a trace row by row, whatever its length. Rows that are wrong are counted and their lines
// kept, never dropped in silence.
#pragma once

#include <array>
#include <cstdint>
#include <fstream>
#include <optional>
#include <queue>
#include <string>
#include <vector>

#include "sluice/replay/column_map.hpp"
#include "sluice/replay/core/csv_line.hpp"
#include "sluice/replay/core/trace_row.hpp"

namespace sluice::replay {

struct BadRow {
    std::uint64_t line = 0;
    std::string reason;
};

class TraceReader {
  public:
    // Lines of bad rows that are kept; all are counted.
    static constexpr std::size_t bad_rows_kept = 20;
    // A log is written at the ends of requests, so rows may come this much out of order.
    static constexpr std::size_t reorder_rows = 4096;

    // Opens the file and reads its header. Check error() before next(), and after the last row.
    TraceReader(const std::string& path, const ColumnMap& map);

    // Why the file cannot be replayed at all, one line; "" if it can.
    const std::string& error() const { return error_; }
    // The next row in order of arrival; the first one arrives at 0. Empty: that was all.
    std::optional<TraceRow> next();

    std::uint64_t rows() const { return rows_; }  // good ones that next() has returned
    std::uint64_t bad_rows() const { return bad_count_; }
    const std::vector<BadRow>& first_bad_rows() const { return bad_; }

  private:
    struct Pending {
        TraceRow row;
        std::uint64_t line;
        bool operator<(const Pending& other) const {  // the earliest is the greatest
            return row.arrival != other.row.arrival ? row.arrival > other.row.arrival
                                                    : line > other.line;
        }
    };

    bool read_line();
    bool read_record();
    void read_header(const ColumnMap& map);
    bool read_row();
    std::string parse(TraceRow& row) const;
    std::optional<std::string_view> field(Column column) const;
    std::string read_times(TraceRow& row) const;
    void bad(std::string reason);

    std::ifstream file_;
    std::vector<char> buffer_;
    std::string path_;
    std::string error_;
    std::vector<char> one_line_;
    std::string record_;
    CsvLine line_;
    std::size_t columns_ = 0;
    std::array<std::optional<std::size_t>, column_names.size()> index_;
    std::uint64_t line_number_ = 0;  // of the record's first line
    std::uint64_t lines_read_ = 0;
    std::uint64_t rows_ = 0;
    std::uint64_t bad_count_ = 0;
    std::vector<BadRow> bad_;
    std::priority_queue<Pending> pending_;
    std::optional<common::Instant> first_;
    common::Instant last_ = common::Instant::min();
};

}  // namespace sluice::replay
