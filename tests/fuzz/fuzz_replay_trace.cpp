// Traces for `sluice replay`: a file that cannot be read says so; the rows of any other come in the
// order of their arrivals, from 0 on, with times that can be; and every row is counted.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "common/net/unique_fd.hpp"
#include "sluice/replay/trace_reader.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using namespace sluice::replay;

void check_rows(TraceReader& reader) {
    common::Instant last{};
    std::uint64_t rows = 0;
    while (const auto row = reader.next()) {
        HOLDS(row->arrival >= last);
        HOLDS(rows > 0 || row->arrival == common::Instant{});
        HOLDS(row->run >= common::Duration::zero() && row->run <= std::chrono::hours(7 * 24));
        HOLDS(!row->left || *row->left >= common::Duration::zero());
        HOLDS(!row->load || *row->load >= common::Duration::zero());
        last = row->arrival;
        HOLDS(reader.rows() == ++rows);
    }
    const std::size_t kept = TraceReader::bad_rows_kept;
    HOLDS(reader.first_bad_rows().size() == std::min<std::uint64_t>(reader.bad_rows(), kept));
}

}  // namespace

FUZZ_TARGET(data, size) {
    fuzz::Input input(data, size);
    const std::size_t preset = input.byte() % (ColumnMap::preset_names().size() + 1);
    ColumnMap map;
    if (preset > 0) HOLDS(map.use_preset(ColumnMap::preset_names()[preset - 1]));
    const std::string added(input.line());
    if (!map.add(added).empty()) map = ColumnMap();
    const common::UniqueFd file(::memfd_create("trace", MFD_CLOEXEC));
    const std::string_view text = input.rest();
    HOLDS(::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    TraceReader reader("/proc/self/fd/" + std::to_string(file.get()), map);
    if (reader.error().empty()) check_rows(reader);
    return 0;
}
