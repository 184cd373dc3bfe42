// Cuts one record of a CSV file (RFC 4180) into fields.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice::replay {

class CsvLine {
  public:
    // A quoted field goes on behind this text, which ends in a line end then.
    static bool is_open(std::string_view text);

    // The views last as long as `record` and this object's next cut(). False: a quote stands where
    // none may stand.
    bool cut(std::string_view record);
    const std::vector<std::string_view>& fields() const { return fields_; }

  private:
    std::string unquoted_;  // of all quoted fields
    std::vector<std::string_view> fields_;
};

}  // namespace sluice::replay
