#!/usr/bin/env python3
# The laws of this code base that a machine can check: rules.py (what may be named where) and
# shape.py (sizes and forms).
#
#   source_lint.py               checks the tree; one line per offence, exit 1 if there is any
#   source_lint.py --self-test   proves that every rule refuses what it must, and no more
import sys

import rules
import shape
from tree import Source, line_of, sources


def report(source, offset, message):
    print(f"{source.path}:{line_of(source.raw, offset)}: {message}")


def check_tree():
    offences = files = 0
    for source in sources():
        files += 1
        for rule in rules.RULES:
            for offset in rule.offences(source):
                report(source, offset, f"{rule.name}; use instead: {rule.instead}")
                offences += 1
        for check in shape.CHECKS:
            for offset, message in check(source):
                report(source, offset, message)
                offences += 1
        for check in shape.ADVICE:
            for offset, message in check(source):
                report(source, offset, f"advice: {message}")
    print(f"source_lint: {files} files, {offences} offences")
    return offences == 0 and files > 0


def broken_rules():
    for rule in rules.RULES:
        if not rule.bad or not rule.good:
            yield f"{rule.name} has no example to refuse or none to let pass"
        for path, text in rule.bad:
            if not list(rule.offences(Source(path, text))):
                yield f"{rule.name} lets pass: {path}: {text!r}"
        for path, text in rule.good:
            if list(rule.offences(Source(path, text))):
                yield f"{rule.name} refuses: {path}: {text!r}"
    yield from shape.self_test()


def self_test():
    problems = list(broken_rules())
    for problem in problems:
        print(problem)
    count = len(rules.RULES) + len(shape.CHECKS) + len(shape.ADVICE)
    print(f"source_lint: {count} rules, {len(problems)} of their examples wrong")
    return not problems


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        good = self_test()
    elif len(sys.argv) == 1:
        good = check_tree()
    else:
        sys.exit("usage: source_lint.py [--self-test]")
    sys.exit(0 if good else 1)
