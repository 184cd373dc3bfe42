#include "activator/pod_source.hpp"

#include <sys/stat.h>

#include <fstream>
#include <iterator>
#include <set>
#include <utility>

#include "common/log/log.hpp"

namespace activator {
namespace {

constexpr Duration look_period = std::chrono::seconds(1);

}  // namespace

PodSource::PodSource(Gateway& gateway, common::TimeSource& time, std::string path)
    : gateway_(gateway), time_(time), path_(std::move(path)), timer_(time.make_timer()) {}

std::vector<std::string> PodSource::load() {
    seen_ = mark();
    const std::optional<std::string> text = read();
    if (!text) return {path_ + ": cannot be read"};
    PodFile file = parse_pod_file(*text);
    for (std::string& problem : file.problems)
        problem = path_ + ": " + problem;
    if (file.problems.empty()) take_over(file);
    return std::move(file.problems);
}

void PodSource::start() {
    timer_->arm(time_.now() + look_period, [this] { look(); });
}

void PodSource::stop() {
    timer_->disarm();
}

void PodSource::look() {
    const std::optional<Mark> now = mark();
    if (now != seen_) reload();
    start();
}

void PodSource::reload() {
    const std::vector<std::string> problems = load();
    for (const std::string& problem : problems)
        common::log_error("pod_file_bad", "the pod file is not taken over; the old one stays",
                          {{"problem", problem}});
    if (problems.empty())
        common::log_info("pod_file", "the pod file was taken over",
                         {{"path", path_}, {"revisions", known_.size()}});
}

std::optional<PodSource::Mark> PodSource::mark() const {
    struct stat status{};
    if (::stat(path_.c_str(), &status) != 0) return std::nullopt;
    Mark found;
    found.device = status.st_dev;
    found.inode = status.st_ino;
    found.size = status.st_size;
    found.changed = status.st_mtim.tv_sec * std::int64_t{1'000'000'000} + status.st_mtim.tv_nsec;
    return found;
}

std::optional<std::string> PodSource::read() const {
    std::ifstream stream(path_, std::ios::binary);
    if (!stream) return std::nullopt;
    return std::string{std::istreambuf_iterator<char>(stream), {}};
}

void PodSource::take_over(const PodFile& file) {
    std::set<std::string> listed;
    for (const ListedRevision& entry : file.revisions) {
        const std::string name = entry.revision.name_space + "/" + entry.revision.name;
        listed.insert(name);
        auto it = known_.find(name);
        // The service is part of what sessions and routes hang on: another one is another revision.
        if (it != known_.end() && it->second.revision.service != entry.revision.service) {
            gateway_.remove_revision(it->second.id);
            known_.erase(it);
            it = known_.end();
        }
        if (it == known_.end()) {
            it =
                known_
                    .emplace(name, Known{gateway_.add_revision(entry.revision), entry.revision, {}})
                    .first;
        } else {
            gateway_.update_revision(it->second.id, entry.revision);
            it->second.revision = entry.revision;
        }
        take_over_pods(it->second, entry.pods);
    }
    for (auto it = known_.begin(); it != known_.end();) {
        if (listed.contains(it->first)) {
            ++it;
            continue;
        }
        gateway_.remove_revision(it->second.id);
        it = known_.erase(it);
    }
}

void PodSource::take_over_pods(Known& known, const std::vector<ListedPod>& pods) {
    // Those that went first: a pod that came back at another address has the same session tag.
    std::map<std::string, common::Address> listed;
    for (const ListedPod& pod : pods)
        listed[pod.name] = pod.address;
    for (auto it = known.pods.begin(); it != known.pods.end();) {
        const auto now = listed.find(it->first);
        if (now != listed.end() && now->second == it->second.first) {
            ++it;
            continue;
        }
        gateway_.remove_pod(it->second.second);
        it = known.pods.erase(it);
    }
    for (const ListedPod& pod : pods) {
        if (known.pods.contains(pod.name)) continue;
        known.pods[pod.name] = {pod.address, gateway_.add_pod(known.id, pod.name, pod.address)};
    }
}

}  // namespace activator
