#include "sluice/replay/assets.hpp"

#include "common/core/check.hpp"
#include "embedded/dashboard_files.hpp"
#include "embedded/replay_files.hpp"

namespace sluice::replay {
namespace {

std::string_view bytes_of(std::span<const common::EmbeddedFile> files, std::string_view name) {
    const common::EmbeddedFile* file = common::find_embedded(files, name);
    CHECK(file != nullptr);
    return file->bytes;
}

}  // namespace

std::string_view chart_library() {
    return bytes_of(embedded::dashboard_files(), "chart.min.js");
}

std::string_view page_template() {
    return bytes_of(embedded::replay_files(), "page.html");
}

}  // namespace sluice::replay
