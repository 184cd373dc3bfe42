// Who may ask: clients that show one of the keys whose hashes are listed. A file with hashes can be
// read by somebody who must not call; a key is random (32 bytes, not a password), so one SHA-256 of
// it is as good as hidden.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/crypto/hmac.hpp"
#include "common/http/fields.hpp"

namespace activator {

class ApiKeys {
  public:
    // One key per line: the 64 hexadecimal digits of its SHA-256 (`printf %s KEY | sha256sum`),
    // then anything for people. Empty lines and those that begin with '#' are left out. `problem`
    // is set, and there is no result, if there is none or a line is of another form.
    static std::optional<ApiKeys> of_hashes(const std::string& text, std::string& problem);
    // The keys of a file of hashes; problem "FILE: what is wrong".
    static std::optional<ApiKeys> of_file(const std::string& file, std::string& problem);
    // One key in clear, as the file of the admin token has it: the first line, at least 16
    // characters.
    static std::optional<ApiKeys> of_token(const std::string& text, std::string& problem);

    // A request that shows a listed key: `Authorization: Bearer KEY`, `X-Api-Key: KEY`, or the
    // password of `Authorization: Basic` (browsers). Takes the same time whichever key it is.
    bool admits(const common::Fields& fields) const;
    // Takes what holds a listed key out of the fields: no application gets to see it. Other values
    // of the same fields stay.
    void strip(common::Fields& fields) const;

  private:
    bool knows(std::string_view key) const;

    std::vector<common::Sha256> hashes_;
};

}  // namespace activator
