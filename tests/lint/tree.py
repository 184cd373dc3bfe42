# Which files the checks look at, and what is code in them.
#
# The list is the working tree without build results and test data, so that the checks run in a
# clone, in an unpacked archive and inside an image alike, and see a file before it is committed.
# `Source` offers three views of one file with the same line numbers: `raw`, `no_comments` (for
# includes) and `code` (comments and the insides of literals are blanks).
import functools
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SKIPPED_FOLDERS = {".git", "build", "__pycache__", ".cache", "node_modules"}
CPP_ENDINGS = (".cpp", ".hpp")

TOKEN = re.compile(
    r'(?P<comment>//[^\n]*|/\*.*?\*/)'
    r'|(?P<raw>R"(?P<delimiter>[^()\\\s]{0,16})\(.*?\)(?P=delimiter)")'
    r'|(?P<string>"(?:\\.|[^"\\\n])*")'
    r"|(?P<char>(?<![0-9A-Fa-f'])'(?:\\.|[^'\\\n])+')",
    re.DOTALL,
)


def blanked(text):
    return re.sub(r"[^\n]", " ", text)


class Source:
    def __init__(self, path, raw):
        self.path = path
        self.raw = raw

    @functools.cached_property
    def no_comments(self):
        return TOKEN.sub(lambda m: blanked(m[0]) if m["comment"] else m[0], self.raw)

    @functools.cached_property
    def code(self):
        def replace(match):
            if match["comment"]:
                return blanked(match[0])
            return match[0][0] + blanked(match[0][1:-1]) + match[0][-1]

        return TOKEN.sub(replace, self.raw)

    @property
    def is_cpp(self):
        return self.path.endswith(CPP_ENDINGS)

    @property
    def is_header(self):
        return self.path.endswith(".hpp")


def paths(root=ROOT):
    found = []
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in SKIPPED_FOLDERS)
        for name in sorted(files):
            path = os.path.relpath(os.path.join(folder, name), root)
            # .git is a file in a further work tree of a repository.
            if path not in ("LICENSE", ".git") and not path.startswith("tests/data/"):
                found.append(path)
    return found


def sources(root=ROOT):
    for path in paths(root):
        full = os.path.join(root, path)
        if os.path.islink(full) or not os.path.isfile(full):
            continue
        try:
            with open(full, encoding="utf-8", newline="") as file:
                yield Source(path, file.read())
        except UnicodeDecodeError:
            continue  # a picture or another binary


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1
