#include "sluice/pods/command_run.hpp"

#include <utility>

#include "sluice/pods/process_tree.hpp"

namespace sluice {

CommandRun::CommandRun(boost::asio::any_io_executor executor, PodLog& log, Plan plan)
    : log_(log),
      plan_(std::move(plan)),
      output_(executor, log, plan_.part),
      process_(executor, {[this] { news_.on_started(); },
                          [this](const std::string& reason) { failed(reason); },
                          [this](ExitStatus status, int left) { exited(status, left); }}) {}

void CommandRun::launch(News news) {
    news_ = std::move(news);
    const common::UniqueFd output = output_.open();
    process_.launch(plan_.command, plan_.label, output.get());
}

void CommandRun::failed(const std::string& reason) {
    output_.drain();
    const News told = std::move(news_);  // a callback may destroy this run
    told.on_failed(reason);
}

void CommandRun::exited(ExitStatus status, int left) {
    output_.drain();
    if (left > 0)
        log_.line(plan_.part,
                  "(sluice: " + std::to_string(left) + " of its processes survive SIGKILL)");
    const News told = std::move(news_);
    told.on_exited(describe(status));
}

Run::OpenPorts CommandRun::open_ports() const {
    const auto open = listening_ports();
    OpenPorts result;
    result.own = open.contains(plan_.own_port);
    // Only if need be, for it reads the descriptors of all its processes.
    if (!result.own && plan_.fixed_port != plan_.own_port && open.contains(plan_.fixed_port))
        result.fixed =
            !listening_ports_of(descendants(process_.supervisor()), {plan_.fixed_port}).empty();
    return result;
}

}  // namespace sluice
