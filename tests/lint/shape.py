# Checks of form that no single pattern expresses: sizes, first lines, blanks, macro arguments.
#
# Each check is a function of one Source that yields (offset, message). CASES holds what each must
# refuse and must let pass; `source_lint.py --self-test` runs them. Functions are found by matching
# braces in the `code` view, not by parsing C++: preprocessor branches with unequal braces would
# mislead it (there are none), and a lambda counts as a part of the function around it.
import re

from tree import Source

FILE_LINES = 500
TEST_FILE_LINES = 700
COLUMNS = 100  # clang-format's
PYTHON_COLUMNS = 120  # test scripts hold whole HTTP messages and sentences
FUNCTION_LINES = 70
COROUTINE_LINES = 50

MACROS = re.compile(
    r"\b(REQUIRE\w*|CHECK\w*|LOG(_\w+)?|INFO|CAPTURE|WARN|FAIL|SECTION)\s*\(")
SCOPE_HEAD = re.compile(r"\b(namespace|class|struct|union|enum|extern)\b(?![^(]*\))")
BLANKS_KEPT = {"manifests/stable-diffusion.yaml"}  # a user's file, letter for letter


def is_test(path):
    return path.startswith("tests/")


def file_length(source):
    limit = TEST_FILE_LINES if is_test(source.path) else FILE_LINES
    lines = source.raw.count("\n")
    if source.is_cpp and lines > limit:
        yield 0, f"{lines} lines, more than {limit}: split the file by the questions it answers"


def line_length(source):
    if source.path.endswith((".cpp", ".hpp", ".py", ".sh")):
        limit = PYTHON_COLUMNS if source.path.endswith(".py") else COLUMNS
        for match in re.finditer(rf"^[^\n]{{{limit + 1},}}$", source.raw, re.MULTILINE):
            yield match.start(), f"{len(match[0])} columns, more than {limit}"


def pragma_once(source):
    if source.is_header and not source.code.lstrip().startswith("#pragma once"):
        yield 0, "a header starts with #pragma once (after its header comment)"


def blanks(source):
    if source.path in BLANKS_KEPT:
        return
    if "\r" in source.raw:
        yield source.raw.index("\r"), "carriage return: lines end with a line feed alone"
    for match in re.finditer(r"[ \t]+$", source.raw, re.MULTILINE):
        yield match.start(), "blanks at the end of the line"
    if source.is_cpp and "\t" in source.raw:
        yield source.raw.index("\t"), "tab: indent with blanks"
    if source.raw and not source.raw.endswith("\n"):
        yield len(source.raw), "the last line has no line feed"


def closing(text, start, pair):
    """The offset just behind the bracket that closes the one at `start`."""
    depth = 0
    for match in re.compile(f"[{re.escape(pair)}]").finditer(text, start):
        depth += 1 if match[0] == pair[0] else -1
        if depth == 0:
            return match.end()
    return len(text)


def await_in_macro(source):
    if not source.is_cpp:
        return
    for match in MACROS.finditer(source.code):
        argument = source.code[match.end() - 1:closing(source.code, match.end() - 1, "()")]
        if re.search(r"\bco_(await|yield)\b", argument):
            yield match.start(), (
                f"co_await inside {match[1]}(…): the macro may evaluate it more than once; name the"
                " result on a line of its own first")


def functions(code):
    """(start of head, end) of each block at namespace or class level that is a function's body."""
    text = re.sub(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", lambda m: re.sub(r"[^\n]", " ", m[0]), code,
                  flags=re.MULTILINE)
    position, head_start = 0, 0
    while match := re.compile(r"[;{}]").search(text, position):
        position = match.end()
        if match[0] == "{":
            head = text[head_start:match.start()]
            if not SCOPE_HEAD.search(head):
                position = closing(text, match.start(), "{}")
                # `name_{value},` in a constructor's list and `table[] = {…}` are no bodies, but the
                # head of a constructor goes on behind them.
                rest = text[position:position + 80].lstrip()
                if rest.startswith((",", "{")):
                    continue
                if ")" in head and not head.rstrip().endswith("="):
                    yield head_start + len(head) - len(head.lstrip()), position
        head_start = position


def function_length(source):
    if not source.is_cpp:
        return
    for start, end in functions(source.code):
        lines = source.code.count("\n", start, end) + 1
        is_case = source.code.startswith(("TEST_CASE", "TEMPLATE_TEST_CASE", "SCENARIO"), start)
        if lines > FUNCTION_LINES and not is_case:
            yield start, f"a function of {lines} lines, more than {FUNCTION_LINES}"


def coroutine_length(source):
    """Advice only."""
    if not source.is_cpp or is_test(source.path):
        return
    for start, end in functions(source.code):
        lines = source.code.count("\n", start, end) + 1
        coroutine = re.search(r"\bco_(await|return|yield)\b", source.code[start:end])
        if coroutine and COROUTINE_LINES < lines <= FUNCTION_LINES:
            yield start, f"a coroutine of {lines} lines, more than {COROUTINE_LINES}"


CHECKS = [
    file_length, line_length, pragma_once, blanks, await_in_macro, function_length,
]
ADVICE = [coroutine_length]


def body(head, lines, line="    f();\n"):
    return head + " {\n" + line * (lines - 2) + "}\n"


# check: (refused, let pass), each a list of (path, text).
CASES = {
    file_length: (
        [("proxy/x.cpp", "\n" * 501), ("tests/unit/x.cpp", "\n" * 701)],
        [("proxy/x.cpp", "\n" * 500), ("tests/unit/x.cpp", "\n" * 700), ("x.md", "\n" * 900)],
    ),
    line_length: (
        [("proxy/x.cpp", "\n" + "x" * 101 + "\n"), ("tests/x.py", "#" * 121 + "\n")],
        [("tests/x.py", "#" * 120 + "\n"), ("proxy/x.cpp", "x" * 100 + "\n"), ("proxy/x.cpp", "é" * 100 + "\n")],
    ),
    pragma_once: (
        [("proxy/x.hpp", "#include <vector>\n#pragma once\n"), ("proxy/x.hpp", "")],
        [("proxy/x.hpp", "// What.\n\n#pragma once\n"), ("proxy/x.cpp", "int x;\n")],
    ),
    blanks: (
        [("x.md", "a \n"), ("x.cpp", "\tint x;\n"), ("x.cpp", "int x;\r\n"), ("x.cpp", "int x;")],
        [("x.cpp", "int x;\n"), ("Makefile", "a:\n\tb\n"), ("x.md", "")],
    ),
    await_in_macro: (
        [
            ("tests/x.cpp", "REQUIRE(co_await f() == 1);\n"),
            ("proxy/x.cpp", "CHECK(g(1,\n  2) == co_await f(h()));\n"),
            ("proxy/x.cpp", 'LOG_INFO("x", co_await f());\n'),
        ],
        [
            ("tests/x.cpp", "auto n = co_await f(); REQUIRE(n == 1);\nco_await f();\n"),
            ("tests/x.cpp", 'REQUIRE(x == ")"); co_await f();\n'),
        ],
    ),
    function_length: (
        [
            ("proxy/x.cpp", "namespace proxy {\n" + body("void f(int a) const", 71) + "}\n"),
            ("proxy/x.cpp", body("Foo::Foo(int a) : a_{a}, b_{1}", 71)),
            ("proxy/x.hpp", "class X {\n  public:\n" + body("X(int a) : a_(a)", 71) + "};\n"),
            ("proxy/x.cpp", "#define A {\n" + body("void f()", 71, "    if (x) { y(); }\n")),
        ],
        [
            ("proxy/x.cpp", "namespace proxy {\n" + body("void f()", 70) * 3 + "}\n"),
            ("proxy/x.cpp", body("constexpr Row rows[] =", 200, "    {1, 2},\n").rstrip() + ";\n"),
            ("proxy/x.hpp", body("struct Config", 200, "    int a{0};\n").rstrip() + ";\n"),
            ("tests/x.cpp", body('TEST_CASE("x")', 200)),
        ],
    ),
    coroutine_length: (
        [("proxy/x.cpp", body("awaitable<void> f()", 60, "    co_await g();\n"))],
        [("proxy/x.cpp", body("void f()", 60)), ("tests/x.cpp", body("void f()", 60))],
    ),
}


def self_test():
    for check in CHECKS + ADVICE:
        refused, passed = CASES[check]
        for path, text in refused:
            if not list(check(Source(path, text))):
                yield f"{check.__name__} lets pass: {path}: {text[:60]!r}"
        for path, text in passed:
            for _, message in check(Source(path, text)):
                yield f"{check.__name__} refuses ({message}): {path}: {text[:60]!r}"
