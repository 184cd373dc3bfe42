// `sluice top`: the page's picture of a running activator or sluice, in a terminal.
#pragma once

#include <iosfwd>
#include <string>

namespace CLI {
class App;
}

namespace sluice::top {

struct TopOptions {
    std::string admin = "127.0.0.1:8081";
    std::string token_file;
    std::string revision;
    bool once = false;
};

// Adds the command `top`; `options` outlives the parsing.
CLI::App* add_top_command(CLI::App& app, TopOptions& options);

// Live on a terminal; one picture where there is none, or with --once. Returns the exit code: 0; 1
// when the server cannot be reached (--once) or does not want us; 64 if the command line is wrong.
int run_top(const TopOptions& options, std::ostream& out, std::ostream& err);

}  // namespace sluice::top
