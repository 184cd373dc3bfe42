// Lines of a pod on outputs that are slow, closed or full.
#include "sluice/pods/pod_log.hpp"

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "common/log/log.hpp"

using common::UniqueFd;
using sluice::LineOutput;

namespace {

struct Pipe {
    Pipe() {
        int ends[2];
        REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        reader.reset(ends[0]);
        writer.reset(ends[1]);
        ::fcntl(reader.get(), F_SETFL, O_NONBLOCK);
        ::signal(SIGPIPE, SIG_IGN);  // as the program does
        use_format(common::LogFormat::text);
    }
    ~Pipe() { common::configure_log({}); }
    static void use_format(common::LogFormat format) {
        common::LogConfig log;
        log.format = format;
        log.program = "sluice";
        common::configure_log(std::move(log));
    }
    std::string read_all() const {
        std::string text;
        char bytes[4096];
        for (ssize_t got = 0; (got = ::read(reader.get(), bytes, sizeof bytes)) > 0;)
            text.append(bytes, static_cast<std::size_t>(got));
        return text;
    }
    common::UniqueFd reader;
    common::UniqueFd writer;
};

std::string read_file(const std::string& name) {
    std::ifstream file(name);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::size_t count_lines(const std::string& text, const std::string& line) {
    std::size_t found = 0;
    for (std::size_t at = 0; (at = text.find(line + "\n", at)) != std::string::npos; ++at)
        ++found;
    return found;
}

}  // namespace

TEST_CASE("line output: a full pipe never blocks, and what was dropped is told", "[sluice][pods]") {
    boost::asio::io_context io(1);
    const Pipe pipe;
    LineOutput output(io.get_executor(), pipe.writer.get(), 10'000);
    const std::string line(99, 'x');
    constexpr std::size_t written = 2000;  // 200 kB: the pipe takes 64 KiB, the output keeps 10 kB
    for (std::size_t i = 0; i < written; ++i)
        output.write(line);
    REQUIRE(output.dropped() > 0);
    const std::uint64_t dropped = output.dropped();
    std::string text;
    for (int turn = 0; turn < 10; ++turn) {
        text += pipe.read_all();
        io.poll();
        io.restart();
    }
    CHECK(count_lines(text, line) == written - dropped);
    CHECK(text.find("[sluice] " + std::to_string(dropped) + " lines were dropped") !=
          std::string::npos);
    // The flag is shared with whoever else has the pipe.
    CHECK((::fcntl(pipe.writer.get(), F_GETFL) & O_NONBLOCK) == 0);
}

TEST_CASE("line output: a closed pipe drops lines and does no harm", "[sluice][pods]") {
    boost::asio::io_context io(1);
    Pipe pipe;
    LineOutput output(io.get_executor(), pipe.writer.get());
    output.write("one");
    pipe.reader.reset();
    output.write("two");
    output.write("three");
    CHECK(output.dropped() == 2);
}

TEST_CASE("line output: a full disk drops lines and tells each once", "[sluice][pods]") {
    boost::asio::io_context io(1);
    const common::UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
    REQUIRE(full.get() >= 0);
    LineOutput output(io.get_executor(), full.get());
    output.write("one");
    output.write("two");
    CHECK(output.dropped() == 2);
}

TEST_CASE("pod log: lines of both processes are prefixed and also go to the pod's file",
          "[sluice][pods]") {
    boost::asio::io_context io(1);
    const Pipe pipe;
    std::string directory = std::filesystem::temp_directory_path() / "sluice-log-XXXXXX";
    REQUIRE(::mkdtemp(directory.data()) != nullptr);
    LineOutput output(io.get_executor(), pipe.writer.get());
    sluice::PodLog log(output, "demo-1", directory + "/new");
    log.line("", "hello");
    log.line("queue-proxy", "ready");
    const std::string text = "[demo-1] hello\n[demo-1 queue-proxy] ready\n";
    CHECK(pipe.read_all() == text);
    CHECK(read_file(directory + "/new/demo-1.log") == text);
    std::filesystem::remove_all(directory);
}

TEST_CASE("pod log: where the log is JSON, the lines of pods are events", "[sluice][pods]") {
    boost::asio::io_context io(1);
    const Pipe pipe;
    Pipe::use_format(common::LogFormat::json);
    LineOutput output(io.get_executor(), pipe.writer.get());
    sluice::PodLog log(output, "demo-1", "");
    log.line("", "he said \"hi\"");
    log.line("queue-proxy", "ready");
    output.write_event("left_over_containers", "gone");
    const std::string text = pipe.read_all();
    std::istringstream lines(text);
    std::vector<nlohmann::json> events;
    for (std::string line; std::getline(lines, line);)
        events.push_back(nlohmann::json::parse(line));
    REQUIRE(events.size() == 3);
    CHECK(events[0].at("event") == "pod_output");
    CHECK(events[0].at("pod") == "demo-1");
    CHECK(events[0].at("part") == "application");
    CHECK(events[0].at("message") == "he said \"hi\"");
    CHECK(events[1].at("part") == "queue-proxy");
    CHECK(events[2].at("event") == "left_over_containers");
    CHECK(events[2].at("logger") == "sluice");
}

TEST_CASE("pod log: a full disk gives one message, and the lines still reach the output",
          "[sluice][pods]") {
    boost::asio::io_context io(1);
    const Pipe pipe;
    std::string directory = std::filesystem::temp_directory_path() / "sluice-log-XXXXXX";
    REQUIRE(::mkdtemp(directory.data()) != nullptr);
    std::filesystem::create_symlink("/dev/full", directory + "/demo-1.log");
    LineOutput output(io.get_executor(), pipe.writer.get());
    sluice::PodLog log(output, "demo-1", directory);
    log.line("", "one");
    log.line("", "two");
    CHECK(pipe.read_all() == "[demo-1] one\n[sluice] cannot write the log file " + directory +
                                 "/demo-1.log: No space left on device; the pod goes on, its "
                                 "lines are missing there\n[demo-1] two\n");
    std::filesystem::remove_all(directory);
}

TEST_CASE("output reader: what a process wrote is told line by line, its last words too",
          "[sluice][pods]") {
    boost::asio::io_context io(1);
    const Pipe pipe;
    LineOutput output(io.get_executor(), pipe.writer.get());
    sluice::PodLog log(output, "p", "");
    {
        sluice::OutputReader reader(io.get_executor(), log, "");
        const common::UniqueFd first = reader.open();
        REQUIRE(::write(first.get(), "a\nb", 3) == 3);
        io.poll();
        CHECK(pipe.read_all() == "[p] a\n");
        const common::UniqueFd second =
            reader.open();  // a restart: the rest of the first run is told
        CHECK(pipe.read_all() == "[p] b\n");
        REQUIRE(::write(second.get(), "c", 1) == 1);
    }
    CHECK(pipe.read_all() == "[p] c\n");
}

TEST_CASE("line output: a terminal's status line is rewritten, and other lines go above it",
          "[sluice][pods]") {
    boost::asio::io_context io(1);
    int master = -1;
    int slave = -1;
    winsize size{};
    size.ws_col = 21;
    size.ws_row = 5;
    REQUIRE(::openpty(&master, &slave, nullptr, nullptr, &size) == 0);
    const UniqueFd reader(master);
    const UniqueFd writer(slave);
    const auto got = [&] {
        std::array<char, 1000> bytes;
        const ssize_t n = ::read(reader.get(), bytes.data(), bytes.size());
        return std::string(bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    };
    {
        LineOutput output(io.get_executor(), writer.get());
        REQUIRE(output.is_terminal());
        output.set_status("pod-1: loading, 1 s");
        CHECK(got() == "\r\x1b[Kpod-1: loading, 1 s\r");
        output.write("hello");
        CHECK(got() == "\r\x1b[Khello\r\n\r\x1b[Kpod-1: loading, 1 s\r");
        output.set_status("pod-1: loading, 2 s: \x1b[2J");  // cut, and nothing to obey in it
        CHECK(got() == "\r\x1b[Kpod-1: loading, 2 s…\r");
        output.set_status("");
        CHECK(got() == "\r\x1b[K");
        output.write("bare");
        CHECK(got() == "bare\r\n");
        output.set_status("last");
        CHECK(got() == "\r\x1b[Klast\r");
    }
    CHECK(got() == "\r\x1b[K");
}

TEST_CASE("line output: without a terminal there is no status line", "[sluice][pods]") {
    boost::asio::io_context io(1);
    const Pipe pipe;
    LineOutput output(io.get_executor(), pipe.writer.get());
    CHECK_FALSE(output.is_terminal());
    output.set_status("pod-1: loading, 1 s");
    output.write("hello");
    CHECK(pipe.read_all() == "hello\n");
}

TEST_CASE("pod log: the last line of the application, cut, and no empty one", "[sluice][pods]") {
    boost::asio::io_context io(1);
    const Pipe pipe;
    LineOutput output(io.get_executor(), pipe.writer.get());
    sluice::PodLog log(output, "p", "");
    CHECK(log.last_line().empty());
    log.line("", "Loading weights");
    log.line("", " ");
    log.line("queue-proxy", "not its own");
    CHECK(log.last_line() == "Loading weights");
    log.line("", std::string(5000, 'x'));
    CHECK(log.last_line() == std::string(200, 'x'));
}
