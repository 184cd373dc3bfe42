#include "common/async/give_back_memory.hpp"

#include <array>
#include <fstream>
#include <sstream>
#include <string>

#include <catch2/catch.hpp>

namespace {

// KiB of the program's and the libraries' files that are mapped here and were never written.
std::size_t resident_unwritten_kib() {
    std::ifstream maps("/proc/self/smaps");
    std::string line;
    bool unwritten = false;
    std::size_t sum = 0;
    std::size_t resident = 0;
    while (std::getline(maps, line)) {
        std::istringstream words(line);
        std::string first;
        std::string second;
        words >> first >> second;
        if (second.size() == 4 && second.ends_with('p')) {  // "7f00-7f01 r-xp …": the next mapping
            unwritten = second == "r-xp" && line.find('/') != std::string::npos;
        } else if (first == "Rss:") {
            resident = std::stoul(second);
            if (unwritten) sum += resident;
        }
    }
    return sum;
}

struct Animal {
    virtual ~Animal() = default;
    virtual std::string name() const = 0;
};
struct Cat final : Animal {
    std::string name() const override { return "cat"; }
};
struct Dog final : Animal {
    std::string name() const override { return "dog"; }
};

// Pointers that the loader wrote when the program started, in a part that is read-only since.
constexpr std::array<const char*, 2> words = {"one", "two"};

}  // namespace

TEST_CASE("start-up: code that is not wanted leaves the resident set, and what is comes back",
          "[common]") {
    const std::size_t before = resident_unwritten_kib();
    common::unmap_startup_code();
    const std::size_t after = resident_unwritten_kib();
    CHECK(after < before);

    const Cat cat;
    const Dog dog;
    const std::array<const Animal*, 2> animals = {&cat, &dog};
    CHECK(animals[before % 2]->name() == (before % 2 == 0 ? "cat" : "dog"));
    CHECK(std::string(words[before % 2]) == (before % 2 == 0 ? "one" : "two"));
}
