// What every fuzz target shares: properties, and typed values taken off the front of the input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace fuzz {

// A property that does not hold ends the process, so that libFuzzer keeps the input that broke it.
inline void require(bool holds, const char* property, const char* file, int line) {
    if (holds) return;
    std::fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, property);
    std::abort();
}

class Input {
  public:
    Input(const std::uint8_t* data, std::size_t size)
        : rest_(reinterpret_cast<const char*>(data), size) {}

    bool empty() const { return rest_.empty(); }
    // 0 once nothing is left.
    std::uint8_t byte() {
        if (rest_.empty()) return 0;
        const auto value = static_cast<std::uint8_t>(rest_.front());
        rest_.remove_prefix(1);
        return value;
    }
    // Up to the next `end`, which is taken too, or all that is left.
    std::string_view text_until(char end) {
        const std::size_t at = rest_.find(end);
        const std::string_view text = rest_.substr(0, at);
        rest_.remove_prefix(at == std::string_view::npos ? rest_.size() : at + 1);
        return text;
    }
    std::string_view line() { return text_until('\n'); }
    std::string_view rest() const { return rest_; }

  private:
    std::string_view rest_;
};

}  // namespace fuzz

#define HOLDS(property) ::fuzz::require((property), #property, __FILE__, __LINE__)
#define FUZZ_TARGET(data, size) \
    extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
