#include "sluice/top/top_command.hpp"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <ostream>
#include <string_view>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>

#include "common/async/task_group.hpp"
#include "common/time/system_time.hpp"
#include "sluice/top/layout.hpp"
#include "sluice/top/live_view.hpp"
#include "sluice/top/read_events.hpp"
#include "sluice/top/terminal.hpp"

namespace sluice::top {
namespace {

using common::awaitable;

constexpr int usage_error = 64;  // EX_USAGE
// Where no terminal says how large a picture may be.
constexpr Size printed_size{120, 60};
constexpr common::Duration once_max = std::chrono::seconds(10);

std::string check_admin(const std::string& text) {
    const auto address = common::parse_host_port(text);
    return address && address->port != 0 ? "" : "\"" + text + "\" is not HOST:PORT";
}

bool is_live_terminal() {
    const char* kind = std::getenv("TERM");
    return ::isatty(STDOUT_FILENO) == 1 && kind != nullptr && std::string_view(kind) != "dumb";
}

awaitable<void> read_once(EventSource& source, std::string revision, StreamEnd& end) {
    end = co_await source.follow(std::move(revision));
}

// One picture, as soon as all of it has come.
int print_once(const LiveOptions& options, std::ostream& out, std::ostream& err) {
    EventsPicture events;
    StreamEnd end;
    boost::asio::io_context io(1);
    common::SystemTime time(io.get_executor());
    common::TaskGroup tasks(io.get_executor());
    const std::unique_ptr<common::Timer> deadline = time.make_timer();
    EventSource source(time, options.server, [&](std::string_view name, std::string_view data) {
        std::string problem = events.take(name, data);
        if (problem.empty() && events.complete()) source.stop();
        return problem;
    });
    deadline->arm(time.now() + once_max, [&] { source.stop(); });
    tasks.spawn("events", read_once(source, options.revision, end));
    tasks.when_empty([&] { deadline->disarm(); });
    io.run();
    if (!events.complete()) {
        err << "sluice: " << options.server.name() << ": "
            << (end.reason.empty() ? "no picture in time" : end.reason) << "\n";
        return 1;
    }
    events.picture.server = options.server.name();
    events.picture.link = "";
    for (const Line& line : lay_out(events.picture, terminal_size(STDOUT_FILENO, printed_size), ""))
        out << line.text.substr(0, line.text.find_last_not_of(' ') + 1) << "\n";
    return 0;
}

}  // namespace

CLI::App* add_top_command(CLI::App& app, TopOptions& options) {
    CLI::App* command =
        app.add_subcommand("top", "What a running sluice or activator does, live in the terminal");
    command->add_option("--admin", options.admin, "Its admin port")
        ->check(check_admin)
        ->capture_default_str();
    command->add_option("--token-file", options.token_file,
                        "File with the token that the admin port wants");
    command->add_option("--revision", options.revision,
                        "NAMESPACE/REVISION to show in full (default: the first)");
    command->add_flag("--once", options.once, "Print one picture and end");
    return command;
}

int run_top(const TopOptions& options, std::ostream& out, std::ostream& err) {
    LiveOptions live;
    live.server.address = *common::parse_host_port(options.admin);
    if (live.server.address.host.empty()) live.server.address.host = "127.0.0.1";
    live.revision = options.revision;
    if (!options.token_file.empty()) {
        std::ifstream file(options.token_file);
        std::getline(file, live.server.token);
        if (live.server.token.ends_with('\r')) live.server.token.pop_back();
        if (live.server.token.empty()) {
            err << "sluice: --token-file " << options.token_file
                << ": cannot be read, or its first line is empty\n";
            return usage_error;
        }
    }
    if (options.once || !is_live_terminal()) return print_once(live, out, err);
    return run_live(live);
}

}  // namespace sluice::top
