// The output of a pod's processes: every line on sluice's own output, prefixed with the pod's name
// ("[sd-demo-00001-x7k2p] …", "[sd-demo-00001-x7k2p queue-proxy] …"), and, with a log directory,
// in one file per pod (<pod>.log). A file that cannot be written is told once; the pod goes on.
//
// Reading never waits for writing: see LineOutput. Writing to the file does wait for the disk's
// cache, as every write to a regular file.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>

#include "common/net/unique_fd.hpp"
#include "sluice/pods/line_output.hpp"

namespace sluice {

class PodLog {
  public:
    // `directory` empty: no file. It is made if it does not exist. `output` outlives this object.
    PodLog(LineOutput& output, std::string pod, const std::string& directory);

    // `part` empty: the application.
    void line(std::string_view part, std::string_view text);
    // Of the application; the first part of it if it is long, and never an empty one.
    const std::string& last_line() const { return last_line_; }

  private:
    // The line as it goes to `output`: an event of its own where the log is JSON.
    std::string shown(std::string_view part, std::string_view text, const std::string& whole) const;
    void write_to_file(const std::string& line);
    void file_failed(int error);

    LineOutput& output_;
    std::string pod_;
    std::string last_line_;
    std::string file_name_;
    common::UniqueFd file_;
    bool failing_ = false;
    bool torn_ = false;  // the last line in the file has no end
    std::uint64_t lost_ = 0;
};

// Reads what one process writes into a pipe and tells it to a PodLog line by line.
class OutputReader {
  public:
    // `log` outlives this object.
    OutputReader(boost::asio::any_io_executor executor, PodLog& log, std::string part);
    // Reads what is there already and tells the last line.
    ~OutputReader();

    // Makes a new pipe, reads it, and returns the end to write to (an empty one when the machine
    // has no more descriptors).
    common::UniqueFd open();
    // Reads what is there already: after a process ended, so that its last words come before news.
    void drain();

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace sluice
