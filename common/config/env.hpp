// Where configuration texts come from, and typed reading that reports all problems at once.
//
// A program reads its environment through EnvReader, then asks problems(): if there are any, it
// prints every one and ends before a port is open. An unset variable takes the default; a set but
// empty integer or boolean is an error, a set but empty string is the empty string (contract
// queue-proxy.md 1.1).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/parse.hpp"
#include "common/core/time.hpp"

namespace common {

class Env {
  public:
    virtual ~Env() = default;
    // The value as it stands, or nothing if unset. The view lives as long as this object and the
    // variable.
    virtual std::optional<std::string_view> get(std::string_view name) const = 0;
};

// The environment of this process. Not for use while another thread calls setenv.
class ProcessEnv final : public Env {
  public:
    std::optional<std::string_view> get(std::string_view name) const override;
};

class MapEnv final : public Env {
  public:
    using Map = std::map<std::string, std::string, std::less<>>;
    explicit MapEnv(Map values) : values_(std::move(values)) {}
    std::optional<std::string_view> get(std::string_view name) const override;

  private:
    Map values_;
};

class EnvReader {
  public:
    // `env` outlives the reader.
    explicit EnvReader(const Env& env) : env_(env) {}

    // The required_ forms report a variable that is not set, and return a zero value then; what
    // they return is meaningless once problems() is not empty.
    std::string text(std::string_view name, std::string_view fallback = "");
    std::string required_text(std::string_view name);
    // Go's integers: 0x10, 010, 0b1, 1_000. Both bounds are inside.
    std::int64_t integer(std::string_view name, std::int64_t fallback, std::int64_t min,
                         std::int64_t max);
    std::int64_t required_integer(std::string_view name, std::int64_t min, std::int64_t max);
    bool boolean(std::string_view name, bool fallback);
    // Go's durations, zero or more.
    Duration duration(std::string_view name, Duration fallback);
    // 64Mi, 1000, 2G.
    std::uint64_t bytes(std::string_view name, std::uint64_t fallback);
    // 127.0.0.1:8080
    std::optional<HostPort> host_port(std::string_view name);
    // Must be one of `choices`.
    std::string choice(std::string_view name, std::string_view fallback,
                       const std::vector<std::string>& choices);

    // For rules that only the caller knows ("A must be less than B").
    void report(std::string_view name, std::string_view reason);

    // One line for each: "NAME: reason". Missing required variables use Knative's wording.
    const std::vector<std::string>& problems() const { return problems_; }

  private:
    std::optional<std::string_view> required(std::string_view name);
    std::int64_t integer_of(std::string_view name, std::string_view value, std::int64_t min,
                            std::int64_t max);

    const Env& env_;
    std::vector<std::string> problems_;
};

}  // namespace common
