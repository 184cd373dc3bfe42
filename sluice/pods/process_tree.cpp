#include "sluice/pods/process_tree.hpp"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "common/core/tcp_table.hpp"

namespace sluice {
namespace {

using common::TcpSocket;

struct CloseDirectory {
    void operator()(DIR* directory) const { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

template <class Number>
bool parse(std::string_view text, Number& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size();
}

// 0 when the process is gone.
pid_t parent_of(const std::string& pid) {
    std::ifstream file("/proc/" + pid + "/stat");
    std::string text;
    std::getline(file, text, '\0');
    // "123 (any (name) here) S 1 …": the name is the only field that may hold blanks.
    const std::size_t name_end = text.rfind(") ");
    if (name_end == std::string::npos) return 0;
    const std::string_view rest = std::string_view(text).substr(name_end + 4);
    pid_t parent = 0;
    return parse(rest.substr(0, rest.find(' ')), parent) ? parent : 0;
}

// Returns false when `process` is out of sight.
template <class OnSocket>
bool each_listening_socket(const std::string& process, OnSocket on_socket) {
    bool seen = false;
    for (const char* const table : {"/net/tcp", "/net/tcp6"}) {
        std::ifstream file("/proc/" + process + table);
        seen = seen || file.is_open();
        for (std::string line; std::getline(file, line);) {
            const std::optional<TcpSocket> socket = common::parse_tcp_table_line(line);
            if (socket && socket->state == TcpSocket::State::listen) on_socket(*socket);
        }
    }
    return seen;
}

}  // namespace

std::vector<pid_t> descendants(pid_t ancestor) {
    std::multimap<pid_t, pid_t> children;
    const Directory proc(::opendir("/proc"));
    if (!proc) return {};
    while (const dirent* const entry = ::readdir(proc.get())) {
        pid_t pid = 0;
        if (!parse(std::string_view(entry->d_name), pid)) continue;
        const pid_t parent = parent_of(entry->d_name);
        if (parent != 0) children.emplace(parent, pid);
    }
    std::vector<pid_t> found{ancestor};
    for (std::size_t i = 0; i < found.size(); ++i) {
        const auto [begin, end] = children.equal_range(found[i]);
        for (auto it = begin; it != end; ++it)
            found.push_back(it->second);
    }
    found.erase(found.begin());
    return found;
}

std::optional<std::set<std::uint16_t>> listening_ports(const std::string& pid) {
    std::set<std::uint16_t> ports;
    const bool seen = each_listening_socket(
        pid, [&ports](const TcpSocket& socket) { ports.insert(socket.local.port); });
    if (!seen) return std::nullopt;
    return ports;
}

std::set<std::uint16_t> listening_ports() {
    return listening_ports("self").value_or(std::set<std::uint16_t>{});
}

std::set<std::uint16_t> listening_ports_of(const std::vector<pid_t>& processes,
                                           const std::set<std::uint16_t>& ports) {
    std::unordered_map<std::string, std::uint16_t> wanted;  // what the fd's link says -> port
    each_listening_socket("self", [&](const TcpSocket& socket) {
        if (ports.contains(socket.local.port))
            wanted.emplace("socket:[" + std::to_string(socket.inode) + "]", socket.local.port);
    });
    std::set<std::uint16_t> found;
    if (wanted.empty()) return found;
    for (const pid_t pid : processes) {
        const std::string path = "/proc/" + std::to_string(pid) + "/fd";
        const Directory fds(::opendir(path.c_str()));
        if (!fds) continue;
        while (const dirent* const entry = ::readdir(fds.get())) {
            char target[64];
            const ssize_t size =
                ::readlinkat(::dirfd(fds.get()), entry->d_name, target, sizeof target);
            if (size <= 0) continue;
            const auto at = wanted.find(std::string(target, static_cast<std::size_t>(size)));
            if (at != wanted.end()) found.insert(at->second);
        }
    }
    return found;
}

}  // namespace sluice
