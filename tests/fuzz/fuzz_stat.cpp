// Statistics messages: what can be read is written in one way only, and that way is read back.
#include "common/protocol/stat_message.hpp"
#include "tests/fuzz/fuzz.hpp"

FUZZ_TARGET(data, size) {
    const fuzz::Input input(data, size);
    if (const auto stat = common::decode_stat(input.rest())) {
        const std::string bytes = common::encode_stat(*stat);
        const auto again = common::decode_stat(bytes);
        HOLDS(again.has_value());
        HOLDS(common::encode_stat(*again) == bytes);  // not the values: NaN is unequal to itself
        HOLDS(bytes.size() <= input.rest().size() + 64);
    }
    if (const auto messages = common::decode_stat_messages(input.rest())) {
        HOLDS(messages->size() <= input.rest().size());
        const std::string bytes = common::encode_stat_messages(*messages);
        const auto again = common::decode_stat_messages(bytes);
        HOLDS(again.has_value());
        HOLDS(again->size() == messages->size());
        HOLDS(common::encode_stat_messages(*again) == bytes);
    }
    return 0;
}
