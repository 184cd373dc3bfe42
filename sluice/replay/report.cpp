#include "sluice/replay/report.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include <nlohmann/json.hpp>

namespace sluice::replay {
namespace {

using nlohmann::ordered_json;

// 22.7 and not 22.700000000000003: six digits behind the point are a microsecond.
double rounded(double value) {
    constexpr double millionths = 1e6;
    const double scaled = value * millionths;
    if (scaled > 9e15) return value;
    return std::round(scaled) / millionths;
}

double share(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

double hours(double seconds) {
    constexpr double hour = 3600;
    return seconds / hour;
}

std::string number(double value, int digits) {
    std::array<char, 48> text;
    const int n = std::snprintf(text.data(), text.size(), "%.*f", digits, value);
    return std::string(text.data(), static_cast<std::size_t>(n));
}

std::string seconds(double value) {
    return number(value, value < 9.995 ? 2 : value < 999.95 ? 1 : 0);
}

using Row = std::vector<std::string>;

Row table_row(const Run& run) {
    const Figures& f = run.figures;
    const double sessions = share(f.affinity_kept, f.affinity_kept + f.affinity_moved);
    return {variant_text(run.variant),
            seconds(f.total.mean()),
            seconds(f.total.quantile(0.5)),
            seconds(f.total.quantile(0.95)),
            seconds(f.total.quantile(0.99)),
            seconds(f.wait.mean()),
            seconds(f.wait.quantile(0.5)),
            seconds(f.wait.quantile(0.95)),
            seconds(f.wait.quantile(0.99)),
            number(100 * share(f.model_changes, f.dispatched), 1) + " %",
            f.affinity_kept + f.affinity_moved == 0 ? "-" : number(100 * sessions, 1) + " %",
            std::to_string(f.cold_starts),
            number(hours(f.busy), 1),
            number(hours(f.idle), 1),
            number(hours(f.loading), 1),
            number(hours(f.held), 1),
            std::to_string(f.expired),
            std::to_string(f.refused),
            std::to_string(f.left)};
}

ordered_json value_of(const std::string& text) {
    // Numbers as numbers: {"gpus": 8}.
    ordered_json parsed = ordered_json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (parsed.is_number() || parsed.is_boolean()) return parsed;
    return text;
}

ordered_json json_of(const Run& run) {
    const Figures& f = run.figures;
    ordered_json names = ordered_json::object();
    for (const auto& [key, value] : run.variant.names)
        names[key] = value_of(value);
    ordered_json json;
    json["variant"] = names;
    json["reference"] = run.variant.reference;
    json["requests"] = f.requests;
    json["answered"] = f.answered;
    for (const auto& [name, histogram] : {std::pair{"total", &f.total}, {"wait", &f.wait}}) {
        const std::string end = std::string("_") + name + "_s";
        json["mean" + end] = rounded(histogram->mean());
        json["p50" + end] = rounded(histogram->quantile(0.5));
        json["p95" + end] = rounded(histogram->quantile(0.95));
        json["p99" + end] = rounded(histogram->quantile(0.99));
        json["max" + end] = rounded(histogram->max());
    }
    json["model_changes"] = f.model_changes;
    json["model_change_share"] = rounded(share(f.model_changes, f.dispatched));
    json["affinity_kept"] = f.affinity_kept;
    json["affinity_moved"] = f.affinity_moved;
    json["cold_starts"] = f.cold_starts;
    json["waited_for_cold_start"] = f.waited_cold;
    json["gpu_hours_busy"] = rounded(hours(f.busy));
    json["gpu_hours_idle"] = rounded(hours(f.idle));
    json["gpu_hours_loading"] = rounded(hours(f.loading));
    json["gpu_hours_held"] = rounded(hours(f.held));
    json["expired"] = f.expired;
    json["refused"] = f.refused;
    json["left"] = f.left;
    return json;
}

}  // namespace

std::string variant_text(const Variant& variant) {
    std::string text = variant.names.front().second;
    for (std::size_t i = 1; i < variant.names.size(); ++i)
        text += ", " + variant.names[i].first + "=" + variant.names[i].second;
    return text;
}

void print_table(std::span<const Run> runs, std::ostream& out) {
    std::vector<Row> rows = {
        {"", "total", "", "", "", "wait", "", "", "", "model", "affinity", "cold", "GPU-hours", "",
         "", "", "not answered", "", ""},
        {"policy", "mean", "p50", "p95", "p99", "mean", "p50", "p95", "p99", "changes", "kept",
         "starts", "busy", "idle", "loading", "held", "expired", "refused", "left"}};
    for (const Run& run : runs)
        rows.push_back(table_row(run));
    std::vector<std::size_t> widths(rows.front().size());
    for (std::size_t r = 1; r < rows.size(); ++r) {
        for (std::size_t i = 0; i < widths.size(); ++i)
            widths[i] = std::max(widths[i], rows[r][i].size());
    }
    // A heading may reach over the columns that have none.
    const Row& head = rows.front();
    for (std::size_t i = 0; i + 1 < head.size(); ++i) {
        if (!head[i + 1].empty()) widths[i] = std::max(widths[i], head[i].size());
    }
    for (const Row& row : rows) {
        std::string line;
        std::size_t end = 0;
        for (std::size_t i = 0; i < row.size(); ++i) {
            end += widths[i] + (i == 0 ? 0 : 2);
            // Headings over several columns begin with the first of them.
            const bool left = i == 0 || &row == &rows.front();
            const std::size_t begin = left ? end - widths[i] : end - row[i].size();
            if (row[i].empty()) continue;
            line.resize(std::max(begin, line.size()), ' ');
            line += row[i];
        }
        out << line << "\n";
    }
    out << "(seconds; total: from arrival to answer, wait: until a pod had it, both of answered "
           "requests)\n";
}

void print_bad_rows(const Source& source, std::ostream& out) {
    for (const BadRow& row : source.first_bad_rows)
        out << source.name << ":" << row.line << ": left out: " << row.reason << "\n";
    if (source.bad_rows > source.first_bad_rows.size())
        out << source.name << ": and " << source.bad_rows - source.first_bad_rows.size()
            << " more rows left out\n";
}

std::string to_json(const Source& source, std::span<const Run> runs) {
    ordered_json json;
    ordered_json& trace = json["trace"];
    trace["name"] = source.name;
    trace["rows"] = source.rows;
    trace["bad_rows"] = source.bad_rows;
    trace["first_bad_rows"] = ordered_json::array();
    for (const BadRow& row : source.first_bad_rows)
        trace["first_bad_rows"].push_back({{"line", row.line}, {"reason", row.reason}});
    json["variants"] = ordered_json::array();
    for (const Run& run : runs)
        json["variants"].push_back(json_of(run));
    // Bytes that are not UTF-8 may have come from the trace.
    return json.dump(1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace sluice::replay
