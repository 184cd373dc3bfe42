// Typed reading of one object of a vector file, which is not trusted: a field that is missing, of
// the wrong type or out of range throws FieldError with its name, and the vector counts as failed.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/core/time.hpp"

namespace kpa_vectors {

using Json = nlohmann::json;

struct FieldError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// A view of a JSON object; `json` must outlive it.
class Fields {
  public:
    explicit Fields(const Json& json, std::string path = "");

    // Present and not null.
    bool has(const char* name) const;

    double number(const char* name) const;
    double number(const char* name, double otherwise) const;
    std::optional<double> optional_number(const char* name) const;
    std::int32_t count(const char* name) const;
    std::int32_t count(const char* name, std::int32_t otherwise) const;
    std::optional<std::int32_t> optional_count(const char* name) const;
    std::int64_t integer(const char* name, std::int64_t otherwise) const;
    bool boolean(const char* name) const;
    bool boolean(const char* name, bool otherwise) const;
    std::string text(const char* name) const;
    std::string text(const char* name, const std::string& otherwise) const;
    // Seconds, at most about 30 years, as exact nanoseconds.
    common::Duration seconds(const char* name) const;
    common::Duration seconds(const char* name, common::Duration otherwise) const;

    Fields object(const char* name) const;
    std::vector<Fields> objects(const char* name) const;
    std::vector<std::string> texts(const char* name) const;
    std::vector<double> numbers(const char* name) const;

  private:
    const Json& at(const char* name) const;
    [[noreturn]] void fail(const char* name, const std::string& what) const;

    const Json* json_;
    std::string path_;
};

}  // namespace kpa_vectors
