// Which GPUs of this machine are free. A pod takes whole GPUs when it starts and gives them back
// when it is gone; nothing is shared. An id is whatever CUDA_VISIBLE_DEVICES understands: an index
// ("0") or a UUID ("GPU-8f6b…", "MIG-…").
//
// Does not look at what other programs do with the GPUs.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

struct GpuList {
    std::vector<std::string> ids;
    std::string error;  // not empty: the text was wrong, one line for people, without "--gpus"
};

// The value of --gpus: "none"; "all" or empty (what `device_directory` shows as nvidia0, nvidia1,
// …); one number N up to 64 (the first N GPUs); or a list "0,2" of ids. A list of one index needs a
// comma: "2," is GPU 2 alone, "2" is two GPUs.
GpuList parse_gpus(std::string_view text, const std::string& device_directory = "/dev");

class GpuPool {
  public:
    explicit GpuPool(std::vector<std::string> ids);

    // Takes `count` GPUs, lowest in the list's order first; nothing is taken when fewer are free.
    std::optional<std::vector<std::string>> take(unsigned count);
    // REQUIRES: every id was taken before and not given back since.
    void give_back(const std::vector<std::string>& ids);

    std::size_t total() const { return ids_.size(); }
    std::size_t free() const;
    // Why `take(count)` fails now: "needs 1 GPU, 0 of 2 are free".
    std::string shortage(unsigned count) const;

  private:
    std::vector<std::string> ids_;
    std::vector<bool> taken_;  // same index as ids_
};

}  // namespace sluice
