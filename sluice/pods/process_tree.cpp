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

namespace sluice {
namespace {

constexpr std::string_view state_listen = "0A";  // TCP_LISTEN in /proc/net/tcp

struct CloseDirectory {
    void operator()(DIR* directory) const { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

template <class Number>
bool parse(std::string_view text, Number& number, int base = 10) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
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

std::string_view next_field(std::string_view& line) {
    const std::size_t begin = std::min(line.find_first_not_of(' '), line.size());
    line.remove_prefix(begin);
    const std::size_t end = std::min(line.find(' '), line.size());
    const std::string_view field = line.substr(0, end);
    line.remove_prefix(end);
    return field;
}

// Returns false when `process` is out of sight.
template <class OnSocket>
bool each_listening_socket(const std::string& process, OnSocket on_socket) {
    bool seen = false;
    for (const char* const table : {"/net/tcp", "/net/tcp6"}) {
        std::ifstream file("/proc/" + process + table);
        seen = seen || file.is_open();
        for (std::string line; std::getline(file, line);) {
            const TcpTableLine socket = parse_tcp_table_line(line);
            if (socket.listening) on_socket(socket);
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

TcpTableLine parse_tcp_table_line(std::string_view line) {
    // "  0: 0100007F:1F90 00000000:0000 0A 0:0 0:0 0 uid timeout inode …"
    TcpTableLine result;
    next_field(line);
    const std::string_view local = next_field(line);
    next_field(line);
    const std::string_view state = next_field(line);
    for (int skipped = 0; skipped < 5; ++skipped)
        next_field(line);
    const std::size_t colon = local.rfind(':');
    if (colon == std::string_view::npos || state != state_listen) return result;
    result.listening =
        parse(local.substr(colon + 1), result.port, 16) && parse(next_field(line), result.inode);
    return result;
}

std::optional<std::set<std::uint16_t>> listening_ports(const std::string& pid) {
    std::set<std::uint16_t> ports;
    const bool seen = each_listening_socket(
        pid, [&ports](const TcpTableLine& socket) { ports.insert(socket.port); });
    if (!seen) return std::nullopt;
    return ports;
}

std::set<std::uint16_t> listening_ports() {
    return listening_ports("self").value_or(std::set<std::uint16_t>{});
}

std::set<std::uint16_t> listening_ports_of(const std::vector<pid_t>& processes,
                                           const std::set<std::uint16_t>& ports) {
    std::unordered_map<std::string, std::uint16_t> wanted;  // what the fd's link says -> port
    each_listening_socket("self", [&](const TcpTableLine& socket) {
        if (ports.contains(socket.port))
            wanted.emplace("socket:[" + std::to_string(socket.inode) + "]", socket.port);
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
