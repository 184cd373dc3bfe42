#include "sluice/top/layout.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <optional>

#include "sluice/text_width.hpp"

namespace sluice::top {
namespace {

constexpr std::size_t rows_for_keys = 9;      // with fewer rows the line of keys goes
constexpr std::size_t rows_for_numbers = 12;  // and so do the chosen revision's numbers
constexpr std::size_t number_lines_max = 2;
constexpr std::size_t wide = 60;  // columns
constexpr std::size_t state_columns = 24;
constexpr std::string_view nothing = "\xE2\x80\x93";  // an en dash, as on the page

template <typename... Values>
std::string format(const char* pattern, Values... values) {
    std::array<char, 64> text;
    const int length = std::snprintf(text.data(), text.size(), pattern, values...);
    return {text.data(), std::min(static_cast<std::size_t>(length), text.size() - 1)};
}

std::string time_or_nothing(const std::optional<double>& seconds) {
    return seconds ? short_time(*seconds) : std::string(nothing);
}

std::string percent(const std::optional<double>& share) {
    return share ? format("%.0f %%", *share * 100) : std::string(nothing);
}

std::string plural(std::uint64_t count, const char* one, const char* many) {
    return std::to_string(count) + " " + (count == 1 ? one : many);
}

std::string joined(const std::vector<std::string>& parts, std::string_view between) {
    std::string text;
    for (const std::string& part : parts) {
        if (!text.empty()) text += between;
        text += part;
    }
    return text;
}

// --- Revisions.

// Columns of the numbers beside a revision's name.
struct Columns {
    std::size_t rate, running, queue, wait, pods;
    std::size_t all() const { return rate + running + queue + wait + pods; }
};

Columns columns_for(std::size_t width) {
    if (width >= wide) return {9, 9, 9, 13, 9};
    return {6, 4, 6, 8, 6};
}

std::string revision_line(const std::array<std::string, 6>& cells, std::size_t width) {
    const Columns columns = columns_for(width);
    const std::size_t name = width > columns.all() ? width - columns.all() : 1;
    return left_aligned(cells[0], name, Keep::end) + right_aligned(cells[1], columns.rate) +
           right_aligned(cells[2], columns.running) + right_aligned(cells[3], columns.queue) +
           right_aligned(cells[4], columns.wait) + right_aligned(cells[5], columns.pods);
}

std::string revision_heading(std::size_t width) {
    if (width >= wide)
        return revision_line({"Revision", "req/s", "running", "queue", "wait P95", "pods"}, width);
    return revision_line({"Revision", "req/s", "run", "queue", "wait", "pods"}, width);
}

Line revision_row(const RevisionRow& row, bool chosen, std::size_t width) {
    const std::string rate =
        row.requests_per_s ? format("%.1f", *row.requests_per_s) : std::string(nothing);
    const std::string pods = std::to_string(row.pods_ready) + "/" + std::to_string(row.pods);
    std::string text =
        revision_line({row.key, rate, std::to_string(row.running), std::to_string(row.waiting),
                       time_or_nothing(row.wait_p95), pods},
                      width);
    return {std::move(text), chosen ? Style::chosen : Style::plain};
}

void add_revisions(std::vector<Line>& lines, const Picture& picture, Size size) {
    lines.push_back({revision_heading(size.columns), Style::heading});
    const std::size_t count = picture.revisions.size();
    const std::size_t room = std::max<std::size_t>(size.rows / 4, 1);
    std::size_t chosen = 0;
    while (chosen + 1 < count && picture.selected &&
           picture.revisions[chosen].key != picture.selected->key)
        ++chosen;
    const std::size_t first = count <= room ? 0 : std::min(chosen, count - room);
    const std::size_t last = std::min(count, first + room);
    for (std::size_t i = first; i < last; ++i) {
        const bool is_chosen = count > 1 && i == chosen;
        lines.push_back(revision_row(picture.revisions[i], is_chosen, size.columns));
    }
    const std::uint64_t hidden =
        picture.revisions_total - std::min(picture.revisions_total, std::uint64_t{last - first});
    if (hidden > 0)
        lines.push_back({"and " + plural(hidden, "more revision", "more revisions"), Style::dim});
}

// --- The chosen one.

std::vector<Line> numbers(const Picture& picture, std::size_t width) {
    const Detail& one = *picture.selected;
    std::string starts = "cold starts " + std::to_string(one.cold_starts);
    if (one.mean_start) starts += " (" + short_time(*one.mean_start) + ")";
    std::vector<std::string> items{"success " + percent(picture.recent.success),
                                   "response P50 " + time_or_nothing(picture.recent.p50),
                                   "P95 " + time_or_nothing(picture.recent.p95),
                                   "GPU busy " + percent(picture.recent.busy), starts};
    if (one.affinity) items.push_back(plural(one.sessions, "session", "sessions"));
    std::vector<Line> lines;
    for (const std::string& item : items) {
        const bool fits =
            !lines.empty() && columns_of(lines.back().text) + 3 + columns_of(item) <= width;
        if (fits) {
            lines.back().text += "   " + item;
        } else if (lines.size() < number_lines_max) {
            lines.push_back({item});
        }
    }
    return lines;
}

std::string state_text(const PodRow& pod) {
    std::string state = pod.state;
    if (state == "backing_off") state = "failing, set aside";
    if (state == "reserved") state = "busy elsewhere";
    if (state == "starting") state = "loading";
    return pod.asked ? state + ", " + short_time(*pod.asked) : state;
}

std::string work_text(const PodRow& pod) {
    std::vector<std::string> parts;
    std::uint64_t listed = 0;
    for (const PodWork& work : pod.work) {
        if (!work.control) ++listed;
        parts.push_back((work.control ? "control: " : "") + work.what + " " +
                        short_time(work.running));
    }
    if (pod.in_flight > pod.held + listed)
        parts.push_back("and " + std::to_string(pod.in_flight - pod.held - listed) + " more");
    if (pod.held > 0) parts.emplace_back("works on for a client that left");
    if (!pod.reason.empty()) parts.push_back(pod.reason);
    if (parts.empty() && pod.state == "idle") parts.emplace_back("free");
    if (pod.sessions > 0) parts.push_back(plural(pod.sessions, "session", "sessions"));
    if (pod.pinned > 0) parts.push_back(std::to_string(pod.pinned) + " waiting for this pod");
    return joined(parts, "; ");
}

struct Section {
    std::string heading;
    std::vector<std::string> lines;
};

Section pods_section(const Detail& one, std::size_t width) {
    Section section;
    section.heading = "Pods: " + std::to_string(one.pods_ready) + " of " +
                      std::to_string(one.pods_total) + " ready";
    std::size_t name_columns = 0;
    for (const PodRow& pod : one.pods)
        name_columns = std::max(name_columns, columns_of(pod.name));
    name_columns = std::min(name_columns, width * 2 / 5);
    for (const PodRow& pod : one.pods) {
        const std::string state = state_text(pod);
        section.lines.push_back(left_aligned(pod.name, name_columns, Keep::end) + "  " +
                                (width >= wide ? left_aligned(state, state_columns) : state) + " " +
                                work_text(pod));
    }
    if (section.lines.empty()) section.lines.emplace_back("no pod: the next request starts one");
    return section;
}

Section queue_section(const Detail& one) {
    Section section;
    section.heading = "Queue: " + std::to_string(one.waiting) + " waiting";
    const std::size_t last = one.queue.empty() ? 0 : one.queue.back().position;
    const std::size_t digits = std::to_string(last).size();
    for (const QueueRow& row : one.queue) {
        std::string text = right_aligned(std::to_string(row.position), digits) + "  waits " +
                           left_aligned(short_time(row.waited) + ",", 8) + " ";
        text += row.left ? "about " + left_aligned(short_time(*row.left), 7) + " left"
                         : "how long still: unknown";
        text += "  " + row.what;
        if (!row.pod.empty()) text += " (session on " + row.pod + ")";
        section.lines.push_back(std::move(text));
    }
    if (section.lines.empty()) section.lines.emplace_back("nobody waits");
    return section;
}

Section log_section(const Picture& picture) {
    Section section;
    section.heading = "What happened, the last first";
    for (auto row = picture.log.rbegin(); row != picture.log.rend(); ++row) {
        const bool told = picture.revisions_total <= 1 || row->service.empty() ||
                          row->text.starts_with(row->service + ":");
        section.lines.push_back(row->time + "  " + (told ? "" : row->service + ": ") + row->text);
    }
    if (section.lines.empty()) section.lines.emplace_back("nothing yet");
    return section;
}

void add_sections(std::vector<Line>& lines, const std::vector<Section>& sections,
                  std::size_t rows) {
    std::vector<std::size_t> wanted;
    for (const Section& section : sections)
        wanted.push_back(1 + section.lines.size());
    const std::vector<std::size_t> given = share_rows(wanted, rows);
    for (std::size_t i = 0; i < sections.size(); ++i) {
        if (given[i] == 0) continue;
        lines.push_back({sections[i].heading, Style::heading});
        for (std::size_t row = 0; row + 1 < given[i]; ++row)
            lines.push_back({"  " + sections[i].lines[row]});
    }
}

std::string title(const Picture& picture, std::size_t width) {
    const std::string name = "Sluice  " + picture.server;
    // What is wrong matters more than where.
    const std::size_t link = std::min(columns_of(picture.link), width);
    const std::size_t rest = width - link;
    if (rest < 3) return left_aligned(picture.link, width);
    return left_aligned(name, rest - 2) + "  " + picture.link;
}

}  // namespace

std::string short_time(double seconds) {
    if (seconds < 1) return format("%.0f ms", std::max(seconds, 0.0) * 1000);
    if (seconds < 100) {
        const double tenths = std::round(seconds * 10);
        return format(std::fmod(tenths, 10) == 0 ? "%.0f s" : "%.1f s", tenths / 10);
    }
    const auto whole = static_cast<std::int64_t>(std::round(std::min(seconds, 1e12)));
    return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
}

std::vector<std::size_t> share_rows(const std::vector<std::size_t>& wanted, std::size_t rows) {
    std::vector<std::size_t> given(wanted.size(), 0);
    for (std::size_t i = 0; i < wanted.size() && rows >= 2; ++i) {
        if (wanted[i] < 2) continue;
        given[i] = 2;
        rows -= 2;
    }
    bool more = true;
    while (rows > 0 && more) {
        more = false;
        for (std::size_t i = 0; i < wanted.size() && rows > 0; ++i) {
            if (given[i] == 0 || given[i] >= wanted[i]) continue;
            ++given[i];
            --rows;
            more = true;
        }
    }
    return given;
}

std::vector<Line> lay_out(const Picture& picture, Size size, std::string_view keys) {
    std::vector<Line> lines;
    lines.push_back({title(picture, size.columns), Style::title});
    if (picture.selected) {
        add_revisions(lines, picture, size);
        if (size.rows >= rows_for_numbers) {
            for (Line& line : numbers(picture, size.columns))
                lines.push_back(std::move(line));
        }
        const bool with_keys = !keys.empty() && size.rows >= rows_for_keys;
        const std::size_t used = lines.size() + (with_keys ? 1 : 0);
        const std::size_t room = size.rows > used ? size.rows - used : 0;
        add_sections(lines,
                     {pods_section(*picture.selected, size.columns),
                      queue_section(*picture.selected), log_section(picture)},
                     room);
        if (with_keys) {
            lines.resize(size.rows - 1);
            lines.push_back({std::string(keys), Style::dim});
        }
    }
    if (lines.size() > size.rows) lines.resize(size.rows);
    for (Line& line : lines)
        line.text = clipped(line.text, size.columns);
    return lines;
}

}  // namespace sluice::top
