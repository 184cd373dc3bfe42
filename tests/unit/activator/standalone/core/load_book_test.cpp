#include "activator/standalone/core/load_book.hpp"

#include <catch2/catch.hpp>

using namespace activator::standalone;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Load = LoadBook::Load;

namespace {

Instant at(Duration since_start) {
    return Instant{} + seconds(1000) + since_start;
}

}  // namespace

TEST_CASE("load book: the latest report of each activator counts", "[activator][standalone]") {
    LoadBook book;
    book.report("a", "default/sd", {2, 1, 3, 1}, at(seconds(0)));
    book.report("b", "default/sd", {1, 4, 1, 0}, at(seconds(0)));
    book.report("b", "default/other", {9, 9, 9, 9}, at(seconds(0)));
    CHECK(book.present("default/sd", at(seconds(1))) == Load{3, 5, 4, 1});
    book.report("a", "default/sd", {5, 1, 5, 2}, at(seconds(1)));
    CHECK(book.present("default/sd", at(seconds(1))) == Load{6, 6, 6, 2});
    CHECK(book.present("default/none", at(seconds(1))) == Load{});
}

TEST_CASE("load book: an average stays until it is said anew", "[activator][standalone]") {
    LoadBook book;
    book.report("a", "r", {2, 1, 3, 1}, at(seconds(0)));
    book.report("a", "r", {std::nullopt, 0, 1, 0}, at(seconds(1)));
    book.report("b", "r", {std::nullopt, 0, 1, 0}, at(seconds(1)));
    CHECK(book.present("r", at(seconds(1))) == Load{2, 1, 2, 0});
    book.report("a", "r", {0, 0, 0, 0}, at(seconds(2)));
    CHECK(book.present("r", at(seconds(2))) == Load{0, 1, 1, 0});
}

TEST_CASE("load book: arrivals are taken once, the load stays", "[activator][standalone]") {
    LoadBook book;
    book.report("a", "r", {1, 3, 1, 0}, at(seconds(0)));
    CHECK(book.take("r", at(seconds(0))) == Load{1, 3, 1, 0});
    CHECK(book.take("r", at(seconds(1))) == Load{1, 0, 1, 0});
    CHECK(book.take("unknown", at(seconds(1))) == Load{});
}

TEST_CASE("load book: who is silent has nothing, but its arrivals were real",
          "[activator][standalone]") {
    LoadBook book;
    book.report("a", "r", {4, 7, 4, 4}, at(seconds(0)));
    const Duration last = LoadBook::fresh - milliseconds(1);
    CHECK(book.present("r", at(last)).average == 4);
    CHECK(book.take("r", at(LoadBook::fresh)) == Load{0, 7, 0, 0});
    CHECK(book.take("r", at(LoadBook::fresh)) == Load{});
    book.report("a", "r", {1, 1, 1, 1}, at(seconds(9)));
    book.forget("r");
    CHECK(book.present("r", at(seconds(9))) == Load{});
}
