// Which model does a request want? Read from its JSON body as it comes in (sluice.dev/model-key).
//
// The body is looked through once, piece by piece, up to the field: nothing is kept of it but the
// field's value. What is not JSON, has no such field, an object or null there, or a value of more
// than 1 KiB, wants no model in particular.
#pragma once

#include <memory>
#include <string_view>

#include "activator/core/model_key.hpp"
#include "common/core/time.hpp"

namespace activator {

// How long a request may wait for the part of its body that names its model, before it takes its
// place in line without. Most bodies come in one piece with their head; a request whose body comes
// slowly loses no more than this, next to seconds of run time.
inline constexpr common::Duration model_wait_max = std::chrono::milliseconds(250);

// The key of a model by its name; any_model for an empty one. Equal in every activator.
ModelKey model_key_of(std::string_view name);

class ModelReader {
  public:
    // `path`: "override_settings.sd_model_checkpoint", names of nested objects' fields.
    explicit ModelReader(std::string_view path);
    ~ModelReader();
    ModelReader(const ModelReader&) = delete;
    ModelReader& operator=(const ModelReader&) = delete;

    // The next bytes of the body.
    void read(std::string_view bytes);
    // The field has been read, or cannot come any more.
    bool done() const;
    // any_model as long as the field has not been read.
    ModelKey model() const;

  private:
    struct Parser;
    std::unique_ptr<Parser> parser_;
};

}  // namespace activator
