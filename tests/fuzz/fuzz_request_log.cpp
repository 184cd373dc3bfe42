// Request log templates. First line: a request's target, and its User-Agent; the rest: a template.
#include <string>

#include "common/core/request_log.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

void require_escaped(std::string_view text) {
    const std::string escaped = common::escape_js(text);
    HOLDS(escaped.size() >= text.size());
    for (std::size_t i = 0; i < escaped.size(); ++i) {
        const char c = escaped[i];
        HOLDS(static_cast<unsigned char>(c) >= 0x20);
        HOLDS(c != '<' && c != '>' && c != '&' && c != '=');
        if (c == '\'' || c == '"') HOLDS(i > 0 && escaped[i - 1] == '\\');
    }
}

}  // namespace

FUZZ_TARGET(data, size) {
    fuzz::Input input(data, size);
    const std::string_view quoted = input.line();
    const std::string_view text = input.rest();
    require_escaped(quoted);

    common::RequestLogEntry entry;
    entry.method = "GET";
    entry.request_uri = entry.user_agent = entry.referer = entry.host = quoted;
    entry.header = [&](std::string_view) { return quoted; };
    entry.latency_seconds = static_cast<double>(size) / 3;
    std::string error;
    const auto parsed = common::RequestLogTemplate::parse(text, error);
    HOLDS(parsed.has_value() == error.empty());
    if (!parsed) return 0;
    const std::string line = parsed->render(entry);
    // Stock appends the newline to the template, and an action that trims what follows takes it.
    const std::string_view end = text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
    HOLDS(line.ends_with('\n') || end.ends_with("-}}"));
    if (text.find("{{") == text.npos) {
        const std::string plain(text);
        HOLDS(line == (text.ends_with('\n') ? plain : plain + "\n"));
    }
    // A header takes 5 bytes of template at the least and gives its value, escaped, at the most.
    HOLDS(line.size() <= 200 + text.size() * (40 + 7 * quoted.size()));
    return 0;
}
