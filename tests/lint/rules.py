# The ban-list: what may be named where, and what to use instead.
#
# A rule looks for `pattern` in one view of each file that `where` matches and `but` does not.
# Every rule carries snippets that it must refuse and snippets that it must let pass: a rule that
# cannot fail is no rule, and `source_lint.py --self-test` proves each one.
import dataclasses
import re

PRODUCT = r"(common|proxy|autoscaler|activator|sluice)/.*\.[ch]pp$"
PURE = (r"((common|proxy|activator|activator/kubernetes|activator/standalone)/core"
        r"|sluice/replay/core|autoscaler)/.*\.[ch]pp$")
ALL_CPP = r".*\.[ch]pp$"
HEADERS = r".*\.hpp$"


@dataclasses.dataclass(frozen=True)
class Rule:
    name: str
    where: str
    pattern: str
    instead: str
    bad: list  # (path, text) that the rule must refuse
    good: list  # (path, text) that the rule must let pass
    but: str = r"(?!)"
    view: str = "code"

    def applies_to(self, path):
        return re.match(self.where, path) and not re.match(self.but, path)

    def offences(self, source):
        if self.applies_to(source.path):
            for match in re.finditer(self.pattern, getattr(source, self.view), re.MULTILINE):
                yield match.start()


def include_of(target):
    return r'^[ \t]*#[ \t]*include[ \t]*' + target


def folder_rule(folder, allowed, bad, good):
    return Rule(
        name=f"includes of {folder}",
        where=rf"{folder}/.*\.[ch]pp$",
        view="no_comments",
        pattern=include_of(rf'"(?!({allowed})/)'),
        instead=f"{folder}/ may include these folders only: {allowed.replace('|', ', ')}",
        bad=[(f"{folder}/x.cpp", f'#include "{path}"\n') for path in bad],
        good=[(f"{folder}/x.cpp", f'#include "{path}"\n') for path in good]
        + [(f"{folder}/x.cpp", f'// #include "{bad[0]}"\n')],
    )


DEPENDENCIES = [
    folder_rule(
        "common", "common", ["proxy/config.hpp", "sluice/x.hpp"], ["common/net/stream.hpp"]),
    folder_rule(
        "proxy", "common|proxy", ["activator/config.hpp", "autoscaler/decider.hpp"],
        ["common/core/time.hpp", "proxy/config.hpp"]),
    folder_rule(
        "autoscaler", "common/core|autoscaler", ["common/net/stream.hpp", "activator/app.hpp"],
        ["common/core/time.hpp", "autoscaler/decider.hpp"]),
    folder_rule(
        "activator", "common|autoscaler|activator|embedded", ["proxy/config.hpp", "sluice/up.hpp"],
        ["autoscaler/decider.hpp", "common/net/stream.hpp"]),
    folder_rule(
        "sluice", "common|proxy|autoscaler|activator|sluice|embedded", ["tests/support/x.hpp"],
        ["activator/app.hpp"]),
    Rule(
        name="common names a product",
        where=r"common/.*\.[ch]pp$",
        pattern=r"\b(proxy|autoscaler|activator|sluice)::",
        instead="nothing: common knows no program; move the code or pass a value in",
        bad=[("common/net/x.cpp", "void f(proxy::Config c);"), ("common/x.hpp", "sluice::Pod p;")],
        good=[
            ("common/x.cpp", '// proxy::x\nlog("proxy::");'),
            ("proxy/x.cpp", "proxy::Config c;"),
        ],
    ),
    Rule(
        name="pure includes",
        where=PURE,
        view="no_comments",
        # The standard library has neither a dot nor a slash in its names.
        pattern=include_of(
            r'(<(?![a-z_0-9]+>)|<(thread|mutex|shared_mutex|condition_variable|future|random|ctime'
            r'|iostream|fstream|filesystem|coroutine)>'
            r'|"(?!(common|proxy|activator|activator/kubernetes|activator/standalone)/core/'
             r'|sluice/replay/core/'
             r'|autoscaler/))'),
        but=r"common/core/error\.hpp$",
        instead="the standard library and common/core; time and randomness come in as arguments",
        bad=[
            ("proxy/core/x.hpp", "#include <boost/asio/awaitable.hpp>\n"),
            ("common/core/x.cpp", "#include <unistd.h>\n"),
            ("activator/core/x.cpp", '#include "common/net/stream.hpp"\n'),
            ("activator/kubernetes/core/x.cpp", '#include "common/net/stream.hpp"\n'),
            ("autoscaler/x.cpp", "#include <random>\n"),
            ("sluice/replay/core/x.cpp", '#include "sluice/service/service_file.hpp"\n'),
        ],
        good=[
            ("sluice/replay/core/x.cpp", '#include "activator/core/scheduler.hpp"\n'),
            ("proxy/core/x.hpp", '#include <vector>\n#include "proxy/core/y.hpp"\n'),
            ("common/core/error.hpp", "#include <boost/system/result.hpp>\n"),
            ("proxy/x.cpp", "#include <boost/asio/awaitable.hpp>\n"),
        ],
    ),
    Rule(
        name="pure core of another folder",
        where=r"(proxy|activator)/core/.*\.[ch]pp$",
        view="no_comments",
        pattern=include_of(r'"autoscaler/'),
        instead="common/core, or pass the value in",
        bad=[("activator/core/x.cpp", '#include "autoscaler/decider.hpp"\n')],
        good=[("activator/x.cpp", '#include "autoscaler/decider.hpp"\n')],
    ),
    Rule(
        name="environment or randomness in pure code",
        where=PURE,
        pattern=r"\b(getenv|random_device|srand|rand)\b\s*[({;\w]|\bco_(await|return|yield)\b",
        instead="an argument",
        bad=[
            ("autoscaler/x.cpp", 'auto* v = std::getenv("X");'),
            ("proxy/core/x.cpp", "std::random_device seed;"),
            ("proxy/core/x.cpp", "co_await f();"),
        ],
        good=[
            ("proxy/x.cpp", 'std::getenv("X");'),
            ("proxy/core/x.cpp", "int strand(int); // rand()"),
        ],
    ),
]

FENCES = [
    Rule(
        name="co_spawn",
        where=PRODUCT,
        but=r"common/async/task_group\.cpp$",
        pattern=r"\bco_spawn\b",
        instead="common::TaskGroup::spawn, which names tasks and logs what escapes from them",
        bad=[("proxy/app.cpp", "boost::asio::co_spawn(io, f(), g);")],
        good=[
            ("common/async/task_group.cpp", "co_spawn(e, f(), g);"),
            ("proxy/x.cpp", "// co_spawn"),
        ],
    ),
    Rule(
        name="clock",
        where=PRODUCT,
        but=r"common/time/system_time\.cpp$",
        pattern=r"\b(steady|system|high_resolution|utc|file)_clock::now\b"
        r"|\b(clock_gettime|gettimeofday)\s*\("
        r"|(?<![\w.>])(?:std::)?\btime\s*\(\s*(nullptr|NULL|0|&\w+)\s*\)",
        instead="common::TimeSource in shells, an `Instant now` argument in pure code",
        bad=[
            ("proxy/x.cpp", "auto t = std::chrono::steady_clock::now();"),
            ("proxy/x.cpp", "auto t = std::time(nullptr);"),
            ("common/log/log.cpp", "clock_gettime(CLOCK_REALTIME, &ts);"),
        ],
        good=[
            ("common/time/system_time.cpp", "auto t = std::chrono::system_clock::now();"),
            ("proxy/x.cpp", "auto t = source.now(); auto u = run_time(0); x.time(0);"),
            ("tests/integration/x.cpp", "auto t = std::chrono::steady_clock::now();"),
        ],
    ),
    Rule(
        name="sleep",
        where=PRODUCT,
        pattern=r"\bthis_thread::sleep_|\b(usleep|nanosleep|clock_nanosleep)\s*\("
        r"|(?<![\w.>])(?:::)?\bsleep\s*\(",
        instead="common::sleep_for(time_source, duration)",
        bad=[
            ("sluice/x.cpp", "std::this_thread::sleep_for(1s);"),
            ("sluice/x.cpp", "usleep(10);"),
            ("sluice/x.cpp", "::sleep(1);"),
        ],
        good=[
            ("sluice/x.cpp", "co_await sleep_for(time, 1s);"),
            ("tests/sd_standin/x.cpp", "std::this_thread::sleep_for(1s);"),
        ],
    ),
    Rule(
        name="Beast",
        where=PRODUCT,
        but=r"common/(http|separate_compilation)/|sluice/pods/docker_client\.cpp$",
        view="no_comments",
        pattern=include_of(r"<boost/beast") + r"|\bbeast::",
        instead="common/http",
        bad=[("proxy/x.cpp", "#include <boost/beast/http.hpp>\n"), ("proxy/x.cpp", "beast::f();")],
        good=[
            ("common/http/x.cpp", "#include <boost/beast/http/parser.hpp>\n"),
            ("common/separate_compilation/beast.cpp", "#include <boost/beast/src.hpp>\n"),
        ],
    ),
    Rule(
        name="nghttp2",
        where=PRODUCT,
        but=r"common/http2/",
        view="no_comments",
        pattern=include_of(r"<nghttp2/") + r"|\bnghttp2_\w+\s*\(",
        instead="common/http2",
        bad=[
            ("proxy/x.cpp", "#include <nghttp2/nghttp2.h>\n"),
            ("common/http/x.cpp", "nghttp2_submit_ping(s, 0, nullptr);"),
        ],
        good=[
            ("common/http2/x.cpp", "#include <nghttp2/nghttp2.h>\n"),
            ("tests/x.cpp", "nghttp2_session_del(s);"),
        ],
    ),
    Rule(
        name="OpenSSL",
        where=PRODUCT,
        but=r"common/net/tls_[^/]*$|common/crypto/",
        view="no_comments",
        pattern=include_of(r"<(openssl/|boost/asio/ssl)"),
        instead="common/net/tls_* for connections, common/crypto/ for digests",
        bad=[
            ("proxy/x.cpp", "#include <openssl/hmac.h>\n"),
            ("common/net/x.cpp", "#include <boost/asio/ssl.hpp>\n"),
        ],
        good=[("common/net/tls_stream.cpp", "#include <boost/asio/ssl.hpp>\n")],
    ),
    Rule(
        name="prometheus-cpp",
        where=PRODUCT,
        but=r"common/metrics/",
        view="no_comments",
        pattern=include_of(r"<prometheus/") + r"|\bprometheus::",
        instead="common/metrics",
        bad=[
            ("proxy/metrics.cpp", "#include <prometheus/counter.h>\n"),
            ("proxy/metrics.cpp", "prometheus::Counter c;"),
        ],
        good=[("common/metrics/metrics.cpp", "#include <prometheus/counter.h>\n")],
    ),
    Rule(
        name="nlohmann in a header",
        where=HEADERS,
        but=r"tests/",
        view="no_comments",
        pattern=include_of(r"<nlohmann/json\.hpp>"),
        instead="<nlohmann/json_fwd.hpp>, or keep JSON inside the .cpp",
        bad=[("proxy/x.hpp", "#include <nlohmann/json.hpp>\n")],
        good=[
            ("proxy/x.cpp", "#include <nlohmann/json.hpp>\n"),
            ("proxy/x.hpp", "#include <nlohmann/json_fwd.hpp>\n"),
        ],
    ),
]

HAZARDS = [
    Rule(
        name="capturing coroutine lambda",
        where=ALL_CPP,
        # A lambda with a capture whose written result is an awaitable: its captures die with the
        # lambda object, usually before the coroutine resumes.
        pattern=r"\[\s*[^\]\[\s][^\]\[]*\]\s*\((?:[^()]|\([^()]*\))*\)\s*"
        r"(?:mutable\b|noexcept\b|\s)*->\s*[\w:]*\bawaitable\s*<",
        instead="a named function that takes its state by value",
        bad=[
            ("proxy/x.cpp", "auto f = [this]() -> awaitable<void> { co_return; };"),
            ("tests/x.cpp", "run(io, [&](int (*g)(int)) mutable -> asio::awaitable<int> {});"),
        ],
        good=[
            ("proxy/x.cpp", "auto f = []() -> awaitable<void> { co_return; };"),
            ("proxy/x.cpp", "auto f = [this] { return go(); };"),
            ("proxy/x.cpp", "[[nodiscard]] auto g() -> awaitable<void>;"),
        ],
    ),
    Rule(
        name="Asio's own shared_from_this style",
        where=ALL_CPP,
        pattern=r"\b(enable_)?shared_from_this\b",
        instead="an owner that outlives its tasks (common::TaskGroup), or an explicit shared_ptr",
        bad=[("proxy/x.cpp", "auto self = shared_from_this();")],
        good=[("proxy/x.cpp", "// no shared_from_this here")],
    ),
    Rule(
        name="detached",
        where=ALL_CPP,
        pattern=r"\b(asio|net)::detached\b|\busing\s+[\w:]*::detached\b",
        instead="common::TaskGroup::spawn: asio::detached swallows exceptions",
        bad=[("tests/x.cpp", "co_spawn(io, f(), boost::asio::detached);")],
        good=[("proxy/x.cpp", "bool detached = false;")],
    ),
    Rule(
        name="using namespace std",
        where=ALL_CPP,
        pattern=r"\busing\s+namespace\s+std\s*;",
        instead="std:: (namespaces of literals are fine)",
        bad=[("proxy/x.cpp", "using namespace std;")],
        good=[("proxy/x.cpp", "using namespace std::chrono_literals;")],
    ),
    Rule(
        name="using namespace in a header",
        where=HEADERS,
        but=r"tests/",
        pattern=r"^\s*using\s+namespace\b",
        instead="full names: a header decides for everybody who includes it",
        bad=[("proxy/x.hpp", "using namespace std::chrono_literals;")],
        good=[("proxy/x.cpp", "using namespace std::chrono_literals;")],
    ),
    Rule(
        name="umbrella header",
        where=ALL_CPP,
        view="no_comments",
        pattern=include_of(
            r"<(boost/asio\.hpp|boost/beast\.hpp|boost/beast/http\.hpp|bits/[^>]*)>"),
        instead="the headers of what is used (compile time)",
        bad=[
            ("tests/x.cpp", "#include <boost/asio.hpp>\n"),
            ("common/http/x.cpp", "#include <boost/beast.hpp>\n"),
        ],
        good=[("common/net/x.cpp", "#include <boost/asio/ip/tcp.hpp>\n")],
    ),
]

# The words are written in two parts so that this file does not refuse itself.
TEXT = [
    Rule(
        name="FIX" + "ME",
        where=r".*",
        view="raw",
        pattern=r"\bFIX" + r"ME\b",
        instead="fix it, or file an issue and write TO" + "DO(#number)",
        bad=[("README.md", "FIX" + "ME later"), ("proxy/x.cpp", "// FIX" + "ME\n")],
        good=[("proxy/x.cpp", "// FIXED, and FIXMEUP\n")],
    ),
    Rule(
        name="TO" + "DO without an issue",
        where=r".*",
        view="raw",
        pattern=r"\bTO" + r"DO\b(?!\(#\d+\))",
        instead="TO" + "DO(#number)",
        bad=[("proxy/x.cpp", "// TO" + "DO: more\n"), ("x.py", "# TO" + "DO(me): more\n")],
        good=[("proxy/x.cpp", "// TO" + "DO(#12): more\n")],
    ),
    Rule(
        name="path of somebody's machine",
        where=r".*",
        view="raw",
        pattern=r"(?<![\w.])/wo" + r"rk/",
        instead="a path relative to the repository, or a setting",
        bad=[("README.md", "see /wo" + "rk/x"), ("x.py", "'/wo" + "rk/x'")],
        good=[("README.md", "the frame/wo" + "rk/x of net/work/y")],
    ),
]

RULES = DEPENDENCIES + FENCES + HAZARDS + TEXT
