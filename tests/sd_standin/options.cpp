// Reads flags with CLI11; the environment is read first, by hand, so that a wrong variable is named
// as what it is. One clear line per problem; exit status 64 is EX_USAGE.
#include "tests/sd_standin/options.hpp"

#include <charconv>
#include <cstring>
#include <limits>

#include <CLI/CLI.hpp>

namespace standin {
namespace {

constexpr int exit_usage = 64;
constexpr std::int64_t a_day_ms = 86'400'000;

struct Number {
    const char* flag;
    const char* variable;
    std::int64_t Options::* field;
    std::int64_t low;
    std::int64_t high;
    const char* meaning;
};

constexpr Number numbers[] = {
    {"--port", "PORT", &Options::port, 0, 65535, "Port (default 7860; 0 takes a free one)"},
    {"--startup-ms", "STANDIN_STARTUP_MS", &Options::startup_ms, 0, a_day_ms,
     "Time before the port opens (default 0)"},
    {"--ready-ms", "STANDIN_READY_MS", &Options::ready_ms, 0, a_day_ms,
     "Further time until ready; until then the API answers 503 (default 0)"},
    {"--service-ms", "STANDIN_SERVICE_MS", &Options::service_ms, 0, a_day_ms,
     "Service time per image (default 1000)"},
    {"--step-ms", "STANDIN_STEP_MS", &Options::step_ms, 0, a_day_ms,
     "Service time per sampling step and image, instead of --service-ms"},
    {"--seed", "STANDIN_SEED", &Options::seed, 0, std::numeric_limits<std::int64_t>::max(),
     "Seed of --lognormal-sigma (default 0)"},
    {"--max-connections", "STANDIN_MAX_CONNECTIONS", &Options::max_connections, 1, 20000,
     "Connections served at once; one more gets 503 (default 4096)"},
    {"--timeout-keep-alive", "STANDIN_TIMEOUT_KEEP_ALIVE", &Options::keep_alive_s, 0, 86'400,
     "Seconds before an idle connection is closed (default 30; 0 never)"},
};

constexpr double largest_sigma = 5;

// The real web UI's flags: no effect here, or none that this program could honestly have.
constexpr const char* ignored_flags[] = {"--api",
                                         "--skip-torch-cuda-test",
                                         "--xformers",
                                         "--medvram",
                                         "--lowvram",
                                         "--no-half",
                                         "--nowebui",
                                         "--opt-sdp-attention",
                                         "--api-log",
                                         "--no-half-vae",
                                         "--no-download-sd-model",
                                         "--disable-safe-unpickle",
                                         "--enable-insecure-extension-access"};
constexpr const char* ignored_settings[] = {"--ckpt", "--precision", "--ckpt-dir"};

std::string range_problem(const char* name, const char* text, const std::string& range) {
    return std::string(name) + ": \"" + text + "\" is not " + range;
}

// Returns a problem, or nothing.
std::string read_environment(const Environment& environment, Options& options) {
    for (const Number& number : numbers) {
        const char* text = environment(number.variable);
        if (text == nullptr || *text == '\0') continue;
        const char* end = text + std::strlen(text);
        std::int64_t value = 0;
        const auto parsed = std::from_chars(text, end, value);
        if (parsed.ec != std::errc() || parsed.ptr != end || value < number.low ||
            value > number.high) {
            return range_problem(number.variable, text,
                                 "a whole number from " + std::to_string(number.low) + " to " +
                                     std::to_string(number.high));
        }
        options.*number.field = value;
    }
    const char* sigma = environment("STANDIN_LOGNORMAL_SIGMA");
    if (sigma != nullptr && *sigma != '\0') {
        const char* end = sigma + std::strlen(sigma);
        const auto parsed = std::from_chars(sigma, end, options.lognormal_sigma);
        if (parsed.ec != std::errc() || parsed.ptr != end ||
            !(options.lognormal_sigma >= 0 && options.lognormal_sigma <= largest_sigma)) {
            return range_problem("STANDIN_LOGNORMAL_SIGMA", sigma, "a number from 0 to 5");
        }
    }
    if (const char* host = environment("STANDIN_LISTEN_HOST"); host != nullptr && *host != '\0') {
        options.listen_host = host;
    }
    if (const char* file = environment("STANDIN_STATS_FILE"); file != nullptr) {
        options.stats_file = file;
    } else if (const char* folder = environment("STANDIN_STATS_DIR"); folder != nullptr) {
        // Many pods inherit one environment: each writes a file of its own.
        const char* host = environment("HOSTNAME");
        options.stats_file =
            std::string(folder) + "/" + (host == nullptr ? "sd-standin" : host) + ".json";
    }
    return {};
}

ParsedOptions usage_problem(std::string text) {
    for (char& c : text) {
        if (c == '\n') c = ' ';
    }
    return {std::nullopt, "sd-standin: " + text, exit_usage};
}

}  // namespace

ParsedOptions parse_options(int argc, const char* const* argv, const Environment& environment) {
    Options options;
    if (std::string problem = read_environment(environment, options); !problem.empty()) {
        return usage_problem(std::move(problem));
    }
    CLI::App app("An honest stand-in for the Stable Diffusion web UI's API", "sd-standin");
    for (const Number& number : numbers) {
        app.add_option(number.flag, options.*number.field,
                       std::string(number.meaning) + " [" + number.variable + "]")
            ->check(CLI::Range(number.low, number.high))
            ->take_last();
    }
    app.add_option("--lognormal-sigma", options.lognormal_sigma,
                   "Spread of the service times, mean unchanged (default 0: constant)"
                   " [STANDIN_LOGNORMAL_SIGMA]")
        ->check(CLI::Range(0.0, largest_sigma))
        ->take_last();
    app.add_option("--listen-host", options.listen_host,
                   "Numeric address to listen on (default 127.0.0.1) [STANDIN_LISTEN_HOST]");
    app.add_option("--stats-file", options.stats_file,
                   "Keep /standin/stats in this file too [STANDIN_STATS_FILE]");
    bool listen_everywhere = false;
    app.add_flag("--listen", listen_everywhere, "Listen on 0.0.0.0");
    bool ignored = false;
    std::string ignored_text;
    for (const char* flag : ignored_flags)
        app.add_flag(flag, ignored)->group("Ignored");
    for (const char* name : ignored_settings) {
        app.add_option(name, ignored_text)->group("Ignored");
    }
    std::string script;
    app.add_option("script", script, "launch.py or webui.py, ignored: as python3 would get it")
        ->check(CLI::IsMember({"launch.py", "webui.py"}));
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        return {std::nullopt, app.help(), 0};
    } catch (const CLI::ParseError& error) {
        return usage_problem(error.what());
    }
    if (options.service_ms >= 0 && options.step_ms >= 0) {
        return usage_problem("--service-ms and --step-ms exclude each other: give one");
    }
    if (listen_everywhere) options.listen_host = "0.0.0.0";
    return {options, {}, 0};
}

}  // namespace standin
