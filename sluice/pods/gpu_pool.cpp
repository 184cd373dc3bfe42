#include "sluice/pods/gpu_pool.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <system_error>

#include "common/core/check.hpp"

namespace sluice {
namespace {

// More than any machine has; a larger --gpus number is a typing mistake.
constexpr unsigned max_gpu_count = 64;

bool parse_number(std::string_view text, unsigned& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size();
}

std::vector<std::string> detect(const std::string& device_directory) {
    std::vector<unsigned> found;
    std::error_code error;
    for (std::filesystem::directory_iterator it(device_directory, error), end; !error && it != end;
         it.increment(error)) {
        const std::string name = it->path().filename().string();
        unsigned index = 0;
        if (name.starts_with("nvidia") && parse_number(std::string_view(name).substr(6), index))
            found.push_back(index);
    }
    std::sort(found.begin(), found.end());
    std::vector<std::string> ids;
    for (const unsigned index : found)
        ids.push_back(std::to_string(index));
    return ids;
}

// What CUDA_VISIBLE_DEVICES and Docker's device requests take.
bool is_gpu_id(std::string_view text) {
    unsigned index = 0;
    if (parse_number(text, index)) return true;
    const bool uuid = text.starts_with("GPU-") || text.starts_with("MIG-");
    return uuid && text.find_first_of(" \t=") == std::string_view::npos;
}

GpuList parse_list(std::string_view text) {
    GpuList list;
    while (!text.empty()) {
        const std::size_t comma = text.find(',');
        const std::string id(text.substr(0, comma));
        text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
        if (!is_gpu_id(id)) return {{}, "'" + id + "' is not a GPU index or UUID"};
        if (std::find(list.ids.begin(), list.ids.end(), id) != list.ids.end())
            return {{}, "GPU " + id + " is named twice"};
        list.ids.push_back(id);
    }
    return list;
}

}  // namespace

GpuList parse_gpus(std::string_view text, const std::string& device_directory) {
    if (text == "none") return {};
    if (text.empty() || text == "all") return {detect(device_directory), {}};
    unsigned count = 0;
    if (parse_number(text, count)) {
        if (count > max_gpu_count)
            return {{}, "a count is at most 64 (a list of one index ends with a comma)"};
        GpuList list;
        for (unsigned index = 0; index < count; ++index)
            list.ids.push_back(std::to_string(index));
        return list;
    }
    return parse_list(text);
}

GpuPool::GpuPool(std::vector<std::string> ids) : ids_(std::move(ids)), taken_(ids_.size(), false) {}

std::size_t GpuPool::free() const {
    return static_cast<std::size_t>(std::count(taken_.begin(), taken_.end(), false));
}

std::optional<std::vector<std::string>> GpuPool::take(unsigned count) {
    if (free() < count) return std::nullopt;
    std::vector<std::string> taken;
    for (std::size_t i = 0; i < ids_.size() && taken.size() < count; ++i) {
        if (taken_[i]) continue;
        taken_[i] = true;
        taken.push_back(ids_[i]);
    }
    return taken;
}

void GpuPool::give_back(const std::vector<std::string>& ids) {
    for (const std::string& id : ids) {
        const auto at = std::find(ids_.begin(), ids_.end(), id);
        CHECK(at != ids_.end());
        const auto index = static_cast<std::size_t>(at - ids_.begin());
        CHECK(taken_[index]);
        taken_[index] = false;
    }
}

std::string GpuPool::shortage(unsigned count) const {
    const std::string needs = "needs " + std::to_string(count) + (count == 1 ? " GPU" : " GPUs");
    if (ids_.empty()) return needs + ", but this machine shows none (see --gpus)";
    if (ids_.size() < count)
        return needs + ", but there " + (ids_.size() == 1 ? "is" : "are") + " only " +
               std::to_string(ids_.size()) + " (see --gpus)";
    return needs + ", " + std::to_string(free()) + " of " + std::to_string(ids_.size()) +
           " are free";
}

}  // namespace sluice
