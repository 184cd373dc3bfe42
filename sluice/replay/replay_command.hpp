// `sluice replay TRACE.csv --service FILE`: what would another policy have done with this traffic?
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace sluice::replay {

struct ReplayOptions {
    std::string trace;
    std::uint64_t generate = 0;  // requests to make up instead of a trace
    std::string service;
    std::string service_name;  // where the file has several
    std::string gpus;
    std::vector<std::string> set;
    std::vector<std::string> compare;
    std::string preset;
    std::vector<std::string> map;
    std::string model_load;
    std::string pod_start;
    std::string speed;
    std::string seed;
    std::string json;
    std::string html;
};

// Adds the command `replay`; `options` outlives the parsing.
CLI::App* add_replay_command(CLI::App& app, ReplayOptions& options);

// Returns the exit code: 0; 1 if a file is at fault; 64 if the command line is.
int run_replay(const ReplayOptions& options, std::ostream& out, std::ostream& err);

}  // namespace sluice::replay
