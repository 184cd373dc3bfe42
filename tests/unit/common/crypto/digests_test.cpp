#include "common/crypto/digests.hpp"

#include <catch2/catch.hpp>

using namespace common;

TEST_CASE("digests: MD5 and SHA-1 of the RFCs' texts") {
    REQUIRE(md5_hex("") == "d41d8cd98f00b204e9800998ecf8427e");  // RFC 1321 A.5
    REQUIRE(md5_hex("message digest") == "f96b697d7cb7938d525a2f31aaf161d0");
    REQUIRE(base64_encode(sha1("abc")) == "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=");  // RFC 3174 7.3
}

TEST_CASE("digests: base64 both ways (RFC 4648 section 10)") {
    const std::pair<const char*, const char*> pairs[] = {
        {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}};
    for (const auto& [plain, coded] : pairs) {
        REQUIRE(base64_encode(plain) == coded);
        REQUIRE(base64_decode(coded) == std::string(plain));
    }
    REQUIRE(base64_decode("Zm9v\nYmFy\n") == std::string("foobar"));
    for (const char* bad : {"Zg", "Zg=", "Z?==", "====="})
        REQUIRE_FALSE(base64_decode(bad));
}
