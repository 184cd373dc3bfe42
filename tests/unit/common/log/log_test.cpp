// Whatever is logged, a line stays a line and JSON stays JSON.
#include "common/log/log.hpp"

#include <unistd.h>

#include <random>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace common {
namespace {

// What `write` puts on stderr.
template <class Write>
std::string captured(Write write) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const int saved = ::dup(STDERR_FILENO);
    ::dup2(ends[1], STDERR_FILENO);
    write();
    ::dup2(saved, STDERR_FILENO);
    ::close(saved);
    ::close(ends[1]);
    std::string all;
    char buffer[4096];
    for (ssize_t n = 0; (n = ::read(ends[0], buffer, sizeof buffer)) > 0;)
        all.append(buffer, static_cast<std::size_t>(n));
    ::close(ends[0]);
    return all;
}

struct Configured {
    explicit Configured(LogFormat format) {
        LogConfig config;
        config.format = format;
        config.program = "queueproxy";
        config.pod = "p\"1";
        configure_log(config);
    }
    ~Configured() { configure_log({}); }
};

TEST_CASE("log: JSON lines are JSON whatever bytes come in", "[common][log]") {
    const Configured configured(LogFormat::json);
    std::mt19937 rng(1);
    for (int round = 0; round < 300; ++round) {
        std::string hostile(rng() % 40, ' ');
        for (char& c : hostile)
            c = static_cast<char>(rng() % 256);
        const std::string line =
            captured([&] { log_error("event_x", hostile, {{"k", hostile}, {"n", 1.5}}); });
        CAPTURE(hostile);
        REQUIRE(line.find('\n') == line.size() - 1);
        const nlohmann::json parsed = nlohmann::json::parse(line);
        REQUIRE(parsed.at("severity") == "ERROR");
        REQUIRE(parsed.at("event") == "event_x");
        REQUIRE(parsed.at("pod") == "p\"1");
        REQUIRE(parsed.at("n") == 1.5);
    }
}

TEST_CASE("log: values keep their types", "[common][log]") {
    const Configured configured(LogFormat::json);
    const std::string line = captured([] {
        log_info("e", "h\xC3\xA9llo \xF0\x9F\x98\x80",
                 {{"i", -7}, {"b", true}, {"nan", 0.0 / 0.0}, {"big", 1e300}, {"s", "\"q\"\t"}});
    });
    const nlohmann::json parsed = nlohmann::json::parse(line);
    CHECK(parsed.at("message") == "h\xC3\xA9llo \xF0\x9F\x98\x80");
    CHECK(parsed.at("i") == -7);
    CHECK(parsed.at("b") == true);
    CHECK(parsed.at("nan").is_null());
    CHECK(parsed.at("big") == 1e300);
    CHECK(parsed.at("s") == "\"q\"\t");
}

TEST_CASE("log: bytes that are no UTF-8 are replaced one by one", "[common][log]") {
    const auto escaped = [](std::string_view text) {
        std::string out;
        append_json_escaped(out, text);
        return out;
    };
    const std::string bad = "\xEF\xBF\xBD";
    CHECK(escaped("a\x80z") == "a" + bad + "z");
    CHECK(escaped("\xC0\xAF") == bad + bad);            // overlong
    CHECK(escaped("\xED\xA0\x80") == bad + bad + bad);  // surrogate
    CHECK(escaped("\xF4\x90\x80\x80") == bad + bad + bad + bad);
    CHECK(escaped("\xE2\x82") == bad + bad);  // cut short
    CHECK(escaped("\xE2\x82\xAC") == "\xE2\x82\xAC");
    CHECK(escaped(std::string_view("\0\x1f", 2)) == "\\u0000\\u001f");
}

TEST_CASE("log: text is one line, quoted where it must be", "[common][log]") {
    const Configured configured(LogFormat::text);
    const std::string line =
        captured([] { log_warning("e", "two\nlines", {{"a", "x y"}, {"b", "plain"}, {"c", 3}}); });
    REQUIRE(line.size() > 13);
    CHECK(line.substr(12) == " WARNING [e] two\\nlines a=\"x y\" b=plain c=3\n");
}

TEST_CASE("log: a line has a longest length", "[common][log]") {
    const std::string longest(log_line_bytes_max - 1, 'x');
    const auto written = [](std::string line) {
        return captured([&] { write_without_waiting(STDERR_FILENO, std::move(line)); });
    };
    CHECK(written(longest + "\n") == longest + "\n");
    CHECK(written(longest + "y\n") == longest + "\n");
}

TEST_CASE("log: what is too long is cut, and the line stays JSON", "[common][log]") {
    LogConfig config;
    config.program = "activator";
    std::mt19937 rng(2);
    for (int round = 0; round < 300; ++round) {
        // Up to six bytes of JSON for one of these, and characters that may not be cut apart.
        const std::string unit = round % 3 == 0 ? "\x01" : round % 3 == 1 ? "\xE2\x82\xAC" : "x";
        std::string text;
        for (std::size_t i = rng() % 6000; i > 0; --i)
            text += unit;
        const std::vector<LogField> fields{{"a", text}, {"b", text}, {"c", text}, {"n", 7}};
        config.format = LogFormat::json;
        const std::string line = log_line(config, {LogLevel::info, "e", text, fields, 0});
        REQUIRE(line.size() < log_line_bytes_max);
        const nlohmann::json parsed = nlohmann::json::parse(line);
        REQUIRE(parsed.at("event") == "e");
        const bool whole = parsed.contains("n") && parsed.value("c", "") == text;
        REQUIRE((whole || parsed.contains("cut") ||
                 parsed.at("message").get<std::string>().ends_with("\xE2\x80\xA6")));
        config.format = LogFormat::text;
        REQUIRE(log_line(config, {LogLevel::info, "e", text, fields, 0}).size() <
                log_line_bytes_max);
    }
    const std::string long_text(log_text_bytes_max + 1, 'x');
    config.format = LogFormat::json;
    const nlohmann::json cut =
        nlohmann::json::parse(log_line(config, {LogLevel::info, "e", long_text, {}, 0}));
    CHECK(cut.at("message") == std::string(log_text_bytes_max, 'x') + "\xE2\x80\xA6");
    CHECK_FALSE(cut.contains("cut"));
}

TEST_CASE("log: a line that nobody takes is dropped, counted and told", "[common][log]") {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const std::uint64_t before = log_lines_lost();
    std::uint64_t written = 0;
    for (int i = 0; i < 1000; ++i)  // a pipe holds 64 KiB, and waits when it is full
        written += write_without_waiting(ends[1], std::string(4095, 'x') + "\n") ? 1 : 0;
    ::close(ends[0]);
    CHECK_FALSE(write_without_waiting(ends[1], "nobody will read this\n"));
    ::close(ends[1]);
    CHECK(written > 0);
    CHECK(written < 1000);
    CHECK(log_lines_lost() - before == 1001 - written);

    const Configured configured(LogFormat::json);
    const std::string told = captured([] { log_error("e", "m"); });
    const nlohmann::json first = nlohmann::json::parse(told.substr(0, told.find('\n')));
    CHECK(first.at("event") == "log_lines_lost");
    CHECK(first.at("lines") == log_lines_lost());
    CHECK(captured([] { log_error("e", "m"); }).find("log_lines_lost") == std::string::npos);
}

TEST_CASE("log: below the level nothing is written", "[common][log]") {
    const Configured configured(LogFormat::json);
    CHECK(captured([] { log_debug("e", "m"); }).empty());
    CHECK_FALSE(log_enabled(LogLevel::debug));
}

TEST_CASE("log: time stamps", "[common][log]") {
    CHECK(rfc3339(1'795'428'930'123'456'789) == "2026-11-23T10:15:30.123456Z");
    CHECK(rfc3339(0) == "1970-01-01T00:00:00.000000Z");
    CHECK(rfc3339(-1'000) == "1969-12-31T23:59:59.999999Z");
}

}  // namespace
}  // namespace common
