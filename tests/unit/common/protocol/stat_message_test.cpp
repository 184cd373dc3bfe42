// Bytes of the statistics messages: equal to the reference encoder's, and robust against garbage.
#include "common/protocol/stat_message.hpp"

#include <random>

#include <catch2/catch.hpp>

using common::decode_stat;
using common::decode_stat_messages;
using common::encode_stat;
using common::encode_stat_messages;
using common::Stat;
using common::WireStatMessage;

namespace {

std::string bytes_of(std::string_view hex) {
    std::string bytes;
    for (std::size_t at = 0; at + 1 < hex.size(); at += 2) {
        bytes += static_cast<char>(std::stoi(std::string(hex.substr(at, 2)), nullptr, 16));
    }
    return bytes;
}

Stat full_stat() {
    Stat stat;
    stat.pod_name = "sd-00001-abc";
    stat.average_concurrent_requests = 1.25;
    stat.average_proxied_concurrent_requests = 0.5;
    stat.request_count = 4;
    stat.proxied_request_count = 2;
    stat.process_uptime = 12.25;
    stat.timestamp = -1;
    return stat;
}

}  // namespace

TEST_CASE("stat message: the poke of the contract, byte for byte", "[common][protocol]") {
    Stat stat;
    stat.pod_name = "activator-1";
    stat.average_concurrent_requests = 1;
    stat.request_count = 1;
    const std::string bytes = encode_stat_messages({{"default", "sd-00001", stat}});
    CHECK(bytes ==
          bytes_of("0a340a0764656661756c74120873642d30303030311a1f0a0b616374697661746f722d31"
                   "11000000000000f03f21000000000000f03f"));
}

TEST_CASE("stat message: zeros are omitted, an empty stat is still present", "[common][protocol]") {
    CHECK(encode_stat(Stat{}).empty());
    Stat negative_zero;
    negative_zero.request_count = -0.0;
    CHECK(encode_stat(negative_zero).empty());
    CHECK(encode_stat_messages({{"", "", Stat{}}}) == bytes_of("0a021a00"));
    CHECK(encode_stat_messages({{"", "", std::nullopt}}) == bytes_of("0a00"));
    CHECK(encode_stat_messages({}).empty());
}

TEST_CASE("stat message: a queue-proxy's reply of 253 characters of name fits the scraper's limit",
          "[common][protocol]") {
    Stat stat = full_stat();
    stat.pod_name.assign(253, 'p');
    stat.timestamp = 0;
    CHECK(encode_stat(stat).size() <= 336);
}

TEST_CASE("stat message: what was encoded decodes to the same", "[common][protocol]") {
    CHECK(decode_stat(encode_stat(full_stat())) == full_stat());
    const std::vector<WireStatMessage> messages{
        {"default", "sd-00001", full_stat()}, {"", "b", std::nullopt}, {"c", "", Stat{}}};
    CHECK(decode_stat_messages(encode_stat_messages(messages)) == messages);
}

TEST_CASE("stat message: any order of fields, unknown fields skipped, the last one counts",
          "[common][protocol]") {
    // field 9 (varint 5), request_count 4, pod_name "a", pod_name "b", field 15 (4 bytes)
    const auto stat =
        decode_stat(bytes_of("480521000000000000104"
                             "00a01610a01627d00000000"));
    REQUIRE(stat);
    CHECK(stat->request_count == 4);
    CHECK(stat->pod_name == "b");
}

TEST_CASE("stat message: truncated and mistyped bytes are refused", "[common][protocol]") {
    const std::string bytes = encode_stat(full_stat());
    std::size_t refused = 0;
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        if (!decode_stat(std::string_view(bytes).substr(0, length))) ++refused;
    }
    CHECK(refused == bytes.size() - 7);  // cut between two of the seven fields, or to nothing: fine
    CHECK_FALSE(decode_stat(bytes_of("0a05")));
    CHECK_FALSE(decode_stat(bytes_of("00")));
    CHECK_FALSE(decode_stat_messages(bytes_of("0a0361")));
}

TEST_CASE("stat message: random bytes never crash the decoder", "[common][protocol]") {
    std::mt19937_64 random(9);
    const std::string seed = encode_stat_messages({{"default", "sd-00001", full_stat()}});
    std::size_t accepted = 0;
    for (int round = 0; round < 20'000; ++round) {
        std::string bytes = seed;
        for (int edit = 0; edit < 3; ++edit) {
            bytes[random() % bytes.size()] = static_cast<char>(random());
        }
        if (decode_stat_messages(bytes)) ++accepted;
        decode_stat(bytes);
    }
    CHECK(accepted > 0);
    CHECK(accepted < 20'000);
}
