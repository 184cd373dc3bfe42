#include "tests/integration/pods_docker/docker_engine.hpp"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <nlohmann/json.hpp>

#include "common/net/unique_fd.hpp"
#include "sluice/pods/docker_client.hpp"
#include "sluice/pods/spawn.hpp"

namespace pods_test {
namespace {

constexpr int skip_code = 77;
constexpr int engine_start_tries = 300;  // of 100 ms
constexpr std::size_t tar_block = 512;

[[noreturn]] void skip(const std::string& reason) {
    std::fprintf(stderr, "SKIPPED: no Docker Engine can be started here: %s\n", reason.c_str());
    std::fflush(nullptr);
    ::_exit(skip_code);
}

// Loopback is down in a new network namespace.
bool raise_loopback() {
    const common::UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    ::strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    return ::ioctl(socket.get(), SIOCSIFFLAGS, &request) == 0;
}

// A ustar archive with one executable file.
std::string tar_of(const std::string& name, const std::string& content) {
    std::array<char, tar_block> header{};
    const auto put = [&header](std::size_t at, const std::string& text) {
        std::copy(text.begin(), text.end(), header.begin() + static_cast<std::ptrdiff_t>(at));
    };
    const auto octal = [](std::size_t number, int width) {
        std::array<char, 32> text{};
        std::snprintf(text.data(), text.size(), "%0*zo", width, number);
        return std::string(text.data());
    };
    put(0, name);
    put(100, octal(0755, 7));
    put(108, octal(0, 7));
    put(116, octal(0, 7));
    put(124, octal(content.size(), 11));
    put(136, octal(0, 11));
    put(148, "        ");
    put(156, "0");
    put(257, "ustar");
    put(263, "00");
    std::size_t sum = 0;
    for (const char c : header)
        sum += static_cast<unsigned char>(c);
    put(148, octal(sum, 6) + '\0');
    std::string tar(header.begin(), header.end());
    tar += content;
    tar.resize((tar.size() + tar_block - 1) / tar_block * tar_block + 2 * tar_block, '\0');
    return tar;
}

class Engine {
  public:
    Engine();
    ~Engine();
    std::string socket() const { return directory_ / "socket"; }

  private:
    void run(const std::string& program) const;
    void wait_until_it_answers();
    void import_image() const;

    std::filesystem::path directory_;
    pid_t owner_ = ::getpid();
    pid_t pid_ = 0;
};

Engine::Engine() {
    if (::geteuid() != 0) skip("it needs root");
    const char* const path = ::getenv("PATH");
    const auto dockerd = sluice::resolve_command("dockerd", {path ? path : "", "/usr/sbin", {}});
    if (!dockerd.error.empty()) skip("dockerd is not installed (Debian's package docker.io)");
    if (::unshare(CLONE_NEWNET) != 0 || !raise_loopback())
        skip(std::string("no network namespace: ") + ::strerror(errno));
    std::string name = std::filesystem::temp_directory_path() / "sluice-docker-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) skip("no directory");
    directory_ = name;
    std::ofstream(directory_ / "config.json") << "{}";
    pid_ = ::fork();
    if (pid_ == 0) run(dockerd.path);
    wait_until_it_answers();
    import_image();
}

void Engine::run(const std::string& program) const {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    const std::string log = directory_ / "log";
    const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ::dup2(out, 1);
    ::dup2(out, 2);
    std::vector<std::string> argv{program,
                                  "--data-root=" + (directory_ / "data").string(),
                                  "--exec-root=" + (directory_ / "exec").string(),
                                  "--pidfile=" + (directory_ / "pid").string(),
                                  "--host=unix://" + socket(),
                                  "--config-file=" + (directory_ / "config.json").string(),
                                  "--storage-driver=vfs",
                                  "--bip=10.213.77.1/24",
                                  "--iptables=false",
                                  "--ip6tables=false",
                                  "--ip-forward=false",
                                  "--ip-masq=false"};
    std::vector<char*> pointers;
    for (std::string& text : argv)
        pointers.push_back(text.data());
    pointers.push_back(nullptr);
    ::execv(program.c_str(), pointers.data());
    ::_exit(1);
}

void Engine::wait_until_it_answers() {
    for (int tries = 0; tries < engine_start_tries; ++tries) {
        if (sluice::docker_call_and_wait(socket(), {"GET", "/_ping", {}}, 5).good()) return;
        if (::waitpid(pid_, nullptr, WNOHANG) == pid_) break;
        ::usleep(100'000);
    }
    std::ifstream log(directory_ / "log");
    std::string last;
    for (std::string line; std::getline(log, line);)
        last = line;
    this->~Engine();
    skip("dockerd does not start: " + last);
}

void Engine::import_image() const {
    std::ifstream file(TINY_SERVER, std::ios::binary);
    const std::string server(std::istreambuf_iterator<char>(file), {});
    const auto reply = sluice::docker_call_and_wait(
        socket(), {"POST", "/images/create?fromSrc=-&repo=tiny&tag=1", tar_of("server", server)},
        60);
    if (!reply.good() || reply.body.find("\"error\"") != std::string::npos) {
        std::fprintf(stderr, "cannot import the image: %s\n",
                     (reply.reason() + reply.body).c_str());
        ::_exit(1);
    }
}

Engine::~Engine() {
    // Also runs in forked copies of the test: the engine is not theirs.
    if (::getpid() != owner_) return;
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
    // dockerd leaves its own network namespace mounted there.
    ::umount2((directory_ / "exec/netns/default").c_str(), MNT_DETACH);
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
}

}  // namespace

const std::string& docker_engine() {
    static const Engine engine;
    static const std::string socket = engine.socket();
    return socket;
}

std::vector<std::string> container_names() {
    const auto reply =
        sluice::docker_call_and_wait(docker_engine(), {"GET", "/containers/json?all=1", {}}, 20);
    std::vector<std::string> names;
    for (const auto& container : nlohmann::json::parse(reply.body))
        names.push_back(container["Names"][0].get<std::string>());
    return names;
}

std::string http_get(std::uint16_t port, const std::string& target) {
    const common::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return {};
    const std::string request = "GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n";
    if (::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) return {};
    std::string answer;
    std::array<char, 1024> bytes;
    for (ssize_t size = 0; (size = ::recv(socket.get(), bytes.data(), bytes.size(), 0)) > 0;)
        answer.append(bytes.data(), static_cast<std::size_t>(size));
    return answer;
}

}  // namespace pods_test
