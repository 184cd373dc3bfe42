#include "sluice/top/layout.hpp"

#include <string>

#include <catch2/catch.hpp>

#include "sluice/text_width.hpp"
#include "sluice/top/read_events.hpp"

using namespace sluice::top;

namespace {

// As a server sends it.
constexpr const char* history =
    R"({"columns":["at","rps","good","e4xx","e5xx","none","p50","p95","busy"],
        "points":[[1000,0,8,1,0,0,null,null,null],[3000,1.5,10,0,1,2,0.25,3.25,0.75]]})";
constexpr const char* state = R"({
    "revisions":[{"key":"default/other-00001","waiting":0,"running":0,"pods_ready":0,"pods":0,
                  "rps":null,"wait_p95_s":null},
                 {"key":"default/knative-sd-demo-00001","waiting":3,"running":2,"pods_ready":1,
                  "pods":3,"rps":1.5,"wait_p95_s":62}],
    "revisions_total":2,
    "selected":{"key":"default/knative-sd-demo-00001","affinity":true,"waiting":3,"running":2,
      "pods_ready":1,"pods_total":3,"sessions":1,"mean_start_s":84.04,"totals":{"cold_starts":4},
      "pods":[
        {"name":"knative-sd-demo-00001-abcde","state":"busy","sessions":2,"pinned":1,"in_flight":1,
         "held":0,"requests":[{"what":"POST /sdapi/v1/txt2img","control":false,"running_s":3.2}]},
        {"name":"knative-sd-demo-00001-模型","state":"starting","asked_s":34,"sessions":0,
         "pinned":0,"in_flight":0,"held":0,"requests":[]},
        {"name":"knative-sd-demo-00001-gggg","state":"pending","reason":"no free GPU"}],
      "queue":{"from":0,"rows":[
        {"id":7,"position":1,"what":"POST /a\u001b[2J","waited_s":4.2,"estimate_s":0.8},
        {"id":8,"position":2,"what":"POST /b","waited_s":3,"estimate_s":null,
         "pod":"knative-sd-demo-00001-abcde"}]}}})";
constexpr const char* log_lines =
    R"json([{"at":0,"service":"sd","text":"sd: 5 waiting, 0 ready → 5 pods (panic)"},
        {"at":0,"service":"other","text":"pod x: ready after 1.0 s"}])json";

Picture picture() {
    EventsPicture events;
    REQUIRE(events.take("history", history).empty());
    REQUIRE(events.take("state", state).empty());
    REQUIRE_FALSE(events.complete());
    REQUIRE(events.take("log", log_lines).empty());
    REQUIRE(events.complete());
    events.picture.server = "127.0.0.1:8081";
    events.picture.link = "live";
    for (LogRow& row : events.picture.log)
        row.time = "12:03:10";
    return events.picture;
}

std::string text_of(const std::vector<Line>& lines) {
    std::string text;
    for (const Line& line : lines)
        text += line.text.substr(0, line.text.find_last_not_of(' ') + 1) + "\n";
    return text;
}

}  // namespace

TEST_CASE("layout: a terminal of 80 by 24", "[sluice][top]") {
    const std::vector<Line> lines = lay_out(picture(), {80, 24}, "q: quit");
    CHECK(text_of(lines) ==
          R"(Sluice  127.0.0.1:8081                                                      live
Revision                           req/s  running    queue     wait P95     pods
default/other-00001                    –        0        0            –      0/0
default/knative-sd-demo-00001        1.5        2        3         62 s      1/3
success 90 %   response P50 250 ms   P95 3.3 s   GPU busy 75 %
cold starts 4 (84 s)   1 session
Pods: 1 of 3 ready
  knative-sd-demo-00001-abcde  busy                     POST /sdapi/v1/txt2img …
  knative-sd-demo-00001-模型   loading, 34 s
  knative-sd-demo-00001-gggg   pending                  no free GPU
Queue: 3 waiting
  1  waits 4.2 s,   about 800 ms  left  POST /a�[2J
  2  waits 3 s,     how long still: unknown  POST /b (session on knative-sd-dem…
What happened, the last first
  12:03:10  other: pod x: ready after 1.0 s
  12:03:10  sd: 5 waiting, 0 ready → 5 pods (panic)







q: quit
)");
    CHECK(lines.front().style == Style::title);
    CHECK(lines[2].style == Style::plain);
    CHECK(lines[3].style == Style::chosen);
}

TEST_CASE("layout: a terminal of 40 by 10", "[sluice][top]") {
    CHECK(text_of(lay_out(picture(), {40, 10}, "q: quit")) ==
          R"(Sluice  127.0.0.1:8081              live
Revision   req/s run queue    wait  pods
…her-00001     –   0     0       –   0/0
…emo-00001   1.5   2     3    62 s   1/3
Pods: 1 of 3 ready
  …emo-00001-abcde  busy POST /sdapi/v1…
  …demo-00001-模型  loading, 34 s
Queue: 3 waiting
  1  waits 4.2 s,   about 800 ms  left …
q: quit
)");
}

TEST_CASE("layout: nothing is ever larger than the terminal", "[sluice][top]") {
    const Picture full = picture();
    Picture bare;
    bare.server = "a-host-with-a-long-name.example.com:8081";
    bare.link = "cannot connect: Connection refused; trying again";
    for (std::size_t columns = 1; columns <= 130; ++columns) {
        for (const std::size_t rows : {1U, 2U, 3U, 5U, 8U, 9U, 11U, 12U, 13U, 24U, 60U}) {
            for (const Picture& one : {full, bare}) {
                const std::vector<Line> lines = lay_out(one, {columns, rows}, "q: quit");
                CHECK(lines.size() <= rows);
                for (const Line& line : lines)
                    CHECK(sluice::columns_of(line.text) <= columns);
            }
        }
    }
}

TEST_CASE("layout: what is wrong is seen even where nothing else fits", "[sluice][top]") {
    Picture bare;
    bare.server = "127.0.0.1:8081";
    bare.link = "cannot connect: Connection refused; trying again";
    CHECK(lay_out(bare, {40, 1}, "")[0].text == "cannot connect: Connection refused; try…");
    CHECK(lay_out(bare, {80, 1}, "")[0].text ==
          "Sluice  127.0.0.1:8081          cannot connect: Connection refused; trying again");
}

TEST_CASE("layout: sections share rows, each has two before any has more", "[sluice][top]") {
    using Rows = std::vector<std::size_t>;
    CHECK(share_rows({4, 3, 5}, 20) == Rows{4, 3, 5});
    CHECK(share_rows({4, 3, 5}, 10) == Rows{4, 3, 3});
    CHECK(share_rows({100, 51, 300}, 12) == Rows{4, 4, 4});
    CHECK(share_rows({2, 51, 300}, 12) == Rows{2, 5, 5});
    CHECK(share_rows({100, 51, 300}, 5) == Rows{3, 2, 0});
    CHECK(share_rows({100, 51, 300}, 1) == Rows{0, 0, 0});
}

TEST_CASE("layout: many revisions leave room for the chosen one", "[sluice][top]") {
    Picture many = picture();
    for (int i = 0; i < 200; ++i)
        many.revisions.push_back({"default/r" + std::to_string(i), {}, {}, 0, 0, 0, 0});
    many.revisions_total = 250;
    many.selected->key = "default/r150";
    const std::vector<Line> lines = lay_out(many, {80, 24}, "");
    CHECK(lines[2].text.starts_with("default/r150 "));
    CHECK(lines[2].style == Style::chosen);
    CHECK(lines[8].text == "and 244 more revisions");
}

TEST_CASE("layout: times read as on the page", "[sluice][top]") {
    CHECK(short_time(0) == "0 ms");
    CHECK(short_time(-0.1) == "0 ms");
    CHECK(short_time(0.25) == "250 ms");
    CHECK(short_time(3.25) == "3.3 s");
    CHECK(short_time(34) == "34 s");
    CHECK(short_time(100) == "1 min 40 s");
    CHECK(short_time(3725) == "62 min 5 s");
}

TEST_CASE("events: a new stream tells the log anew, points are counted for ten minutes",
          "[sluice][top]") {
    EventsPicture events;
    REQUIRE(events.take("history", history).empty());
    REQUIRE(events.take("log", log_lines).empty());
    REQUIRE(events.take("log", log_lines).empty());
    CHECK(events.picture.log.size() == 4);
    events.begin_stream();
    REQUIRE(events.take("log", log_lines).empty());
    CHECK(events.picture.log.size() == 2);
    CHECK(events.picture.recent.success == Approx(0.9));
    REQUIRE(events.take("point", "[602000,1,0,0,2,0,1,2,0.5]").empty());
    CHECK(events.picture.recent.success == Approx(10.0 / 13));  // the first point is too old
    CHECK(events.picture.recent.p95 == 2.0);
}

TEST_CASE("events: a server whose clock is anywhere, or stands still", "[sluice][top]") {
    EventsPicture events;
    REQUIRE(events.take("history", R"({"columns":["at","good","e5xx"],"points":[]})").empty());
    REQUIRE(events.take("point", "[5,0,1]").empty());
    for (int i = 0; i < 999; ++i)
        REQUIRE(events.take("point", "[5,1,0]").empty());
    CHECK(events.picture.recent.success == Approx(0.999));
    REQUIRE(events.take("point", "[5,1,0]").empty());
    CHECK(events.picture.recent.success == Approx(1));  // the first of 1001 counts no more
    REQUIRE(events.take("log", R"([{"at":1e300,"text":"a"},{"at":-1e300,"text":"b"}])").empty());
    CHECK(events.picture.log.size() == 2);
}

TEST_CASE("events: what is of another form is said, and the picture stays", "[sluice][top]") {
    EventsPicture events;
    REQUIRE(events.take("state", state).empty());
    CHECK(events.take("another", "{}").empty());
    for (const char* bad :
         {"", "{", "[]", "{\"revisions\":1}", "{\"revisions\":[],\"selected\":{}}"})
        CHECK(events.take("state", bad).starts_with("its event \"state\" is of another form"));
    CHECK(events.take("history", "{}").starts_with("its event \"history\" is of another form"));
    CHECK(events.take("point", "[1]").empty());  // no history: nothing is known of the columns
    REQUIRE(events.take("history", history).empty());
    CHECK(events.take("point", "[1]").starts_with("its event \"point\" is of another form"));
    CHECK(events.picture.revisions.size() == 2);
}
