// What a server tells `sluice top`: cut anywhere, the same events; and whatever it says, the
// picture has a terminal's size and nothing in it that a terminal would obey.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "sluice/text_width.hpp"
#include "sluice/top/event_reader.hpp"
#include "sluice/top/layout.hpp"
#include "sluice/top/read_events.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using namespace sluice;

using Events = std::vector<std::pair<std::string, std::string>>;

Events read_in_pieces(std::string_view bytes, std::size_t piece) {
    Events events;
    top::EventReader reader([&events](std::string_view name, std::string_view data) {
        events.emplace_back(name, data);
    });
    for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size())))
        HOLDS(reader.feed(bytes.substr(0, piece)));
    return events;
}

void check_picture(const top::Picture& picture, const top::Size& size) {
    const std::vector<top::Line> lines = top::lay_out(picture, size, "q: quit");
    HOLDS(lines.size() <= size.rows);
    for (const top::Line& line : lines) {
        HOLDS(printable(line.text) == line.text);
        HOLDS(columns_of(line.text) <= size.columns);
    }
}

}  // namespace

FUZZ_TARGET(data, bytes) {
    fuzz::Input input(data, bytes);
    const std::size_t piece = input.byte() + std::size_t{1};
    const top::Size size{input.byte() + std::size_t{1}, input.byte() + std::size_t{1}};
    const Events events = read_in_pieces(input.rest(), input.rest().size() + 1);
    HOLDS(read_in_pieces(input.rest(), piece) == events);
    top::EventsPicture picture;
    for (const auto& [name, text] : events) {
        const std::string problem = picture.take(name, text);
        HOLDS(printable(problem) == problem);
        check_picture(picture.picture, size);
    }
    return 0;
}
