#include "sluice/progress.hpp"

#include <algorithm>

namespace sluice {
namespace {

const LoadingPod* oldest_of(const std::vector<LoadingPod>& loading) {
    const auto oldest =
        std::max_element(loading.begin(), loading.end(),
                         [](const LoadingPod& a, const LoadingPod& b) { return a.age < b.age; });
    return oldest == loading.end() ? nullptr : &*oldest;
}

}  // namespace

std::string progress_line(const std::vector<LoadingPod>& loading) {
    const LoadingPod* oldest = oldest_of(loading);
    if (oldest == nullptr) return "";
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(oldest->age).count();
    std::string line = oldest->name + ": loading, " + std::to_string(seconds) + " s";
    if (loading.size() > 1) line += " (and " + std::to_string(loading.size() - 1) + " more)";
    if (!oldest->last_line.empty()) line += ": " + oldest->last_line;
    return line;
}

bool ProgressPace::due(const std::vector<LoadingPod>& loading, common::Instant now) {
    const LoadingPod* oldest = oldest_of(loading);
    if (oldest == nullptr || oldest->age < period) return false;
    if (last_ && now - *last_ < period) return false;
    last_ = now;
    return true;
}

}  // namespace sluice
