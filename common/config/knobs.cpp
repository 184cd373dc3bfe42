#include "common/config/knobs.hpp"

#include <algorithm>

#include "common/core/nearest.hpp"

namespace common {
namespace {

constexpr std::string_view our_domains[] = {"sluice.dev/", "serving.knative.dev.alibabacloud/"};

bool is_ours(std::string_view name) {
    return std::any_of(std::begin(our_domains), std::end(our_domains),
                       [&](std::string_view domain) { return name.starts_with(domain); });
}

// The last value of `name`; nothing if it is not there.
std::optional<std::string_view> last_value(
    std::span<const std::pair<std::string, std::string>> annotations, std::string_view name) {
    for (auto it = annotations.rbegin(); it != annotations.rend(); ++it)
        if (it->first == name) return it->second;
    return std::nullopt;
}

void read_row(const KnobRow& row, std::string_view name, std::string_view value,
              KnobsResult& result) {
    if (row.read(value, result.knobs)) return;
    result.problems.push_back({true, std::string(name),
                               "\"" + std::string(value) + "\" is not " + std::string(row.valid)});
}

void warn_unknown(std::string_view name, KnobsResult& result) {
    std::string message = "unknown annotation, ignored";
    if (const auto near = nearest_name(name, knob_names()))
        message += "; did you mean " + *near + "?";
    result.problems.push_back({false, std::string(name), message});
}

// Rules over more than one knob.
void check_together(KnobsResult& result) {
    const auto& knobs = result.knobs;
    if (knobs.on_disconnect == OnDisconnect::interrupt && !knobs.interrupt_path)
        result.problems.push_back(
            {true, "sluice.dev/on-disconnect", "\"interrupt\" needs sluice.dev/interrupt-path"});
    if (knobs.wait_target && !knobs.shape_reports)
        result.problems.push_back(
            {false, "sluice.dev/wait-target", "has no effect: shape-reports is off"});
    const bool has_sessions = knobs.affinity.enabled || !knobs.affinity_header.empty();
    if (has_sessions) return;
    if (knobs.affinity_patience)
        result.problems.push_back(
            {false, "sluice.dev/affinity-patience", "has no effect: affinity is off"});
    if (knobs.affinity_lifetime)
        result.problems.push_back(
            {false, "sluice.dev/affinity-lifetime", "has no effect: affinity is off"});
}

// Kubernetes writes annotations with Go's strconv.Quote; reads what stands between the quotes.
class GoUnquoter {
  public:
    explicit GoUnquoter(std::string_view text) : text_(text) {}

    // Nothing if an escape is broken.
    std::optional<std::string> run() {
        std::string out;
        while (!text_.empty()) {
            const char c = text_.front();
            text_.remove_prefix(1);
            if (c != '\\') {
                out += c;
            } else if (!take_escape(out)) {
                return std::nullopt;
            }
        }
        return out;
    }

  private:
    bool take_escape(std::string& out) {
        if (text_.empty()) return false;
        const char kind = text_.front();
        text_.remove_prefix(1);
        static constexpr std::string_view letters = "abfnrtv\\\"'";
        static constexpr std::string_view bytes = "\a\b\f\n\r\t\v\\\"'";
        if (const auto at = letters.find(kind); at != std::string_view::npos) {
            out += bytes[at];
            return true;
        }
        if (kind == 'x') return take_code(2, out, false);
        if (kind == 'u') return take_code(4, out, true);
        if (kind == 'U') return take_code(8, out, true);
        return false;
    }

    bool take_code(std::size_t digits, std::string& out, bool is_character) {
        const auto code = text_.size() < digits
                              ? std::nullopt
                              : parse_go_int("0x" + std::string(text_.substr(0, digits)));
        if (!code) return false;
        text_.remove_prefix(digits);
        if (!is_character) {
            out += static_cast<char>(*code);
            return true;
        }
        return append_utf8(static_cast<std::uint32_t>(*code), out);
    }

    static bool append_utf8(std::uint32_t code, std::string& out) {
        if (code > 0x10FFFF) return false;
        const auto tail = [&](unsigned shift) {
            out += static_cast<char>(0x80 | ((code >> shift) & 0x3F));
        };
        if (code < 0x80) {
            out += static_cast<char>(code);
        } else if (code < 0x800) {
            out += static_cast<char>(0xC0 | (code >> 6));
            tail(0);
        } else if (code < 0x10000) {
            out += static_cast<char>(0xE0 | (code >> 12));
            tail(6);
            tail(0);
        } else {
            out += static_cast<char>(0xF0 | (code >> 18));
            tail(12);
            tail(6);
            tail(0);
        }
        return true;
    }

    std::string_view text_;
};

}  // namespace

KnobsResult parse_knobs(std::span<const std::pair<std::string, std::string>> annotations) {
    KnobsResult result;
    for (const auto& row : knob_rows())
        if (const auto value = last_value(annotations, row.name))
            read_row(row, row.name, *value, result);
    const auto names = knob_names();
    for (const auto& [name, value] : annotations)
        if (is_ours(name) && std::find(names.begin(), names.end(), name) == names.end())
            warn_unknown(name, result);
    check_together(result);
    return result;
}

std::map<std::string, std::string> knobs_to_env(const Knobs& knobs) {
    std::map<std::string, std::string> env;
    Knobs base;  // what the reader will have before it looks at a row
    for (const auto& row : knob_rows()) {
        if (row.env.empty()) continue;
        const auto value = row.write(knobs);
        if (!value || value == row.write(base)) continue;
        env[std::string(row.env)] = *value;
        if (row.env == "SLUICE_APP") row.read(*value, base);
    }
    return env;
}

KnobsResult knobs_from_env(const Env& env, std::string_view podinfo) {
    const auto annotations = parse_podinfo(podinfo);
    KnobsResult result;
    for (const auto& row : knob_rows()) {
        if (row.env.empty()) continue;
        if (const auto value = env.get(row.env))
            read_row(row, row.env, *value, result);
        else if (const auto annotated = last_value(annotations, row.name))
            read_row(row, row.name, *annotated, result);
    }
    check_together(result);
    return result;
}

std::vector<std::pair<std::string, std::string>> parse_podinfo(std::string_view text) {
    std::vector<std::pair<std::string, std::string>> annotations;
    while (!text.empty()) {
        const auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        const auto equals = line.find("=\"");
        if (equals == std::string_view::npos || equals == 0) continue;
        auto quoted = line.substr(equals + 2);
        if (!quoted.ends_with('"')) continue;
        quoted.remove_suffix(1);
        if (auto value = GoUnquoter(quoted).run())
            annotations.emplace_back(line.substr(0, equals), std::move(*value));
    }
    return annotations;
}

KnobsResult knobs_from_podinfo(std::string_view text) {
    return parse_knobs(parse_podinfo(text));
}

}  // namespace common
