#include "sluice/replay/replay_command.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <ostream>

#include <CLI/CLI.hpp>

#include "sluice/replay/core/generated_trace.hpp"
#include "sluice/replay/core/replay.hpp"
#include "sluice/replay/report.hpp"

namespace sluice::replay {
namespace {

constexpr int usage_error = 64;  // EX_USAGE

struct Failure {
    int code = 0;
    std::string text;
};

Failure wrong_usage(std::string text) {
    return {usage_error, std::move(text)};
}

// The command line's own flags are settings like all others, and the first of them.
std::optional<Failure> read_settings(const ReplayOptions& options, std::vector<Setting>& settings,
                                     std::vector<Comparison>& comparisons) {
    for (const auto& [key, value] : {std::pair{"gpus", &options.gpus},
                                     {"speed", &options.speed},
                                     {"seed", &options.seed},
                                     {"model-load", &options.model_load},
                                     {"pod-start", &options.pod_start}}) {
        if (!value->empty()) settings.emplace_back(key, *value);
    }
    for (const std::string& text : options.set) {
        settings.push_back(parse_setting(text));
        if (settings.back().first.empty())
            return wrong_usage("--set: \"" + text + "\" is not KEY=VALUE");
    }
    for (const std::string& text : options.compare) {
        comparisons.push_back(parse_comparison(text));
        if (comparisons.back().key.empty())
            return wrong_usage("--compare: \"" + text + "\" is not KEY=VALUE,VALUE");
    }
    return std::nullopt;
}

std::optional<Failure> read_map(const ReplayOptions& options, ColumnMap& map) {
    if (!options.preset.empty() && !map.use_preset(options.preset)) {
        std::string names;
        for (const std::string& name : ColumnMap::preset_names())
            names += (names.empty() ? "" : ", ") + name;
        return wrong_usage("--preset: \"" + options.preset + "\" is not one of " + names);
    }
    for (const std::string& text : options.map) {
        std::string wrong = map.add(text);
        if (!wrong.empty()) return wrong_usage(std::move(wrong));
    }
    return std::nullopt;
}

std::optional<Failure> choose_service(const ReplayOptions& options, const ServiceFile& file,
                                      std::ostream& err, const ServiceSpec*& chosen) {
    for (const Problem& problem : file.problems) {
        if (problem.severity == Severity::error)
            err << problem_line(options.service, problem) << "\n";
    }
    if (file.has_errors()) return Failure{1, options.service + " cannot be used"};
    std::string names;
    for (const ServiceSpec& service : file.services) {
        names += (names.empty() ? "" : ", ") + service.name;
        if (service.name == options.service_name) chosen = &service;
    }
    if (options.service_name.empty() && file.services.size() == 1) chosen = &file.services.front();
    if (chosen != nullptr) return std::nullopt;
    if (options.service_name.empty())
        return wrong_usage(options.service + " has several services; --name says which: " + names);
    return wrong_usage("--name: \"" + options.service_name + "\" is not one of " + names);
}

bool write_file(const std::string& path, const std::string& text, std::ostream& err) {
    std::ofstream file(path, std::ios::binary);
    file << text;
    file.close();
    if (file) return true;
    err << "sluice: " << path << ": " << std::strerror(errno) << "\n";
    return false;
}

class Command {
  public:
    Command(const ReplayOptions& options, std::ostream& out, std::ostream& err)
        : options_(options), out_(out), err_(err) {}

    int run() {
        const std::optional<Failure> failure = prepare();
        if (failure) {
            err_ << "sluice: " << failure->text << "\n";
            return failure->code;
        }
        for (const Variant& variant : variants_)
            replays_.push_back(std::make_unique<Replay>(variant.setup));
        feed();
        if (reader_ && !reader_->error().empty()) {
            err_ << "sluice: " << reader_->error() << "\n";
            return 1;
        }
        return report();
    }

  private:
    std::optional<Failure> prepare() {
        if (options_.trace.empty() == (options_.generate == 0))
            return wrong_usage("replay takes a trace, or --generate N");
        std::vector<Setting> settings;
        std::vector<Comparison> comparisons;
        std::optional<Failure> failure = read_settings(options_, settings, comparisons);
        if (failure) return failure;
        ColumnMap map;
        failure = read_map(options_, map);
        if (failure) return failure;
        const ServiceFile file = read_service_file(options_.service);
        const ServiceSpec* service = nullptr;
        failure = choose_service(options_, file, err_, service);
        if (failure) return failure;
        VariantsResult made = make_variants(*service, file.autoscaler, settings, comparisons);
        if (!made.error.empty()) return wrong_usage(std::move(made.error));
        variants_ = std::move(made.variants);
        if (options_.generate > 0) return std::nullopt;
        reader_ = std::make_unique<TraceReader>(options_.trace, map);
        if (!reader_->error().empty()) return Failure{1, reader_->error()};
        return std::nullopt;
    }

    void feed() {
        if (reader_) {
            while (const std::optional<TraceRow> row = reader_->next())
                feed(*row);
        } else {
            GeneratedTrace trace(variants_.front().setup.seed);
            for (std::uint64_t i = 0; i < options_.generate; ++i)
                feed(trace.next());
        }
        for (const auto& replay : replays_)
            replay->finish();
    }

    void feed(const TraceRow& row) {
        for (const auto& replay : replays_)
            replay->arrive(row);
    }

    int report() {
        Source source;
        source.name = reader_ ? options_.trace : "generated";
        source.rows = reader_ ? reader_->rows() : options_.generate;
        if (reader_) {
            source.bad_rows = reader_->bad_rows();
            source.first_bad_rows = reader_->first_bad_rows();
        }
        print_bad_rows(source, err_);
        if (source.rows == 0) {
            err_ << "sluice: " << source.name << ": there is no request in it\n";
            return 1;
        }
        std::vector<Run> runs;
        for (std::size_t i = 0; i < variants_.size(); ++i)
            runs.push_back({variants_[i], replays_[i]->figures()});
        out_ << source.name << ": " << source.rows << " requests";
        if (source.bad_rows > 0) out_ << ", " << source.bad_rows << " rows left out";
        out_ << "\n";
        print_table(runs, out_);
        bool good = true;
        if (!options_.json.empty())
            good = write_file(options_.json, to_json(source, runs), err_) && good;
        if (!options_.html.empty())
            good = write_file(options_.html, to_html(source, runs), err_) && good;
        return good ? 0 : 1;
    }

    const ReplayOptions& options_;
    std::ostream& out_;
    std::ostream& err_;
    std::vector<Variant> variants_;
    std::vector<std::unique_ptr<Replay>> replays_;
    std::unique_ptr<TraceReader> reader_;
};

}  // namespace

CLI::App* add_replay_command(CLI::App& app, ReplayOptions& options) {
    CLI::App* command =
        app.add_subcommand("replay", "Say what other policies would have done with this traffic");
    command->add_option("TRACE", options.trace, "CSV file with a header, one request a line");
    command->add_option("--service", options.service, "Knative Service file")->required();
    command->add_option("--name", options.service_name, "Which service of that file");
    command->add_option("--gpus", options.gpus,
                        "So many GPUs, with a pod on each all the time (default: the service "
                        "scales by itself)");
    command->add_option("--set", options.set, "KEY=VALUE: an annotation, or policy, gpus, speed, …")
        ->allow_extra_args(false);
    command
        ->add_option("--compare", options.compare,
                     "KEY=V1,V2,…: one variant each; policy=strict,soft,model-aware,"
                     "first-available,ideal,stock")
        ->allow_extra_args(false);
    command->add_option("--preset", options.preset, "Names of the columns: access-log, gentd26");
    command
        ->add_option("--map", options.map,
                     "WHAT=COLUMN,…: arrival, end, run, session, model, load, left, status")
        ->allow_extra_args(false);
    command->add_option("--model-load", options.model_load,
                        "How long a pod loads a model that it does not hold (default: 0s)");
    command->add_option("--pod-start", options.pod_start,
                        "How long a pod starts until it is ready (default: 30s)");
    command->add_option("--speed", options.speed, "Arrivals come so many times as fast");
    command->add_option("--seed", options.seed, "For what is left to chance (default: 1)");
    command->add_option("--generate", options.generate, "Make up so many requests: no TRACE");
    command->add_option("--json", options.json, "Write all figures to this file");
    command->add_option("--html", options.html, "Write a page with curves to this file");
    return command;
}

int run_replay(const ReplayOptions& options, std::ostream& out, std::ostream& err) {
    return Command(options, out, err).run();
}

}  // namespace sluice::replay
