#!/usr/bin/env python3
# What the documents and manifests promise is there.
#
#   documents.py links      every file that a *.md names in a link exists
#   documents.py manifests  every environment variable that a manifest sets on one of our programs
#                           is read by one of them, so that no knob is a dead one (the reverse:
#                           environment.py); a kustomization names every manifest beside it, and
#                           none that is not there
#   documents.py events     common/log/README.md lists every event that the programs log, with its
#                           severity, and none that nobody logs
#   documents.py --self-test
import os
import re
import sys

from environment import read_variables
from tree import ROOT, line_of, sources

LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)\s]*)?\)")
# A container's `env:` entry. Manifests of ours write one entry per line, or name and value in two.
ENV_ENTRY = re.compile(r"^[ \t]*-?[ \t]*\{?[ \t]*name:[ \t]*['\"]?([A-Z][A-Z0-9_]{2,})['\"]?",
                       re.MULTILINE)
# A Knative Service's variables are for its owner's container, not for our programs.
KNATIVE_SERVICE = re.compile(r"^apiVersion:[ \t]*['\"]?serving\.knative\.dev/", re.MULTILINE)


def broken_links(path, text, exists):
    """(offset, target) of each relative link of the document at `path` that leads nowhere."""
    text = re.sub(r"^```.*?^```", lambda m: re.sub(r"[^\n]", " ", m[0]), text,
                  flags=re.MULTILINE | re.DOTALL)
    for match in LINK.finditer(text):
        target = match[1]
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue  # an address on the network; nothing is fetched here
        base = "" if target.startswith("/") else os.path.dirname(path)
        if not exists(os.path.normpath(os.path.join(base, target.lstrip("/")))):
            yield match.start(), target


def unread_variables(text, known):
    """(offset, name) of each variable in the YAML documents `text` that is not in `known`."""
    offset = 0
    for document in re.split(r"^(?=---)", text, flags=re.MULTILINE):
        if not KNATIVE_SERVICE.search(document):
            for match in ENV_ENTRY.finditer(document):
                if match[1] not in known:
                    yield offset + match.start(), match[1]
        offset += len(document)


# An entry of a kustomization that is a file: `- role.yaml`, `- path: patch.yaml`.
KUSTOMIZED = re.compile(r"^[ \t]*-[ \t]*(?:path:[ \t]*)?([\w./-]+\.ya?ml)[ \t]*$", re.MULTILINE)


def unkustomized(text, beside):
    """What is wrong with the kustomization `text`, whose folder has the files `beside`."""
    named = set(KUSTOMIZED.findall(text))
    for name in sorted(named - beside):
        yield f"there is no {name}"
    for name in sorted(beside - named):
        yield f"does not name {name}"


# A call that logs, with its first argument, or its second after a level.
LOGGING = re.compile(
    r"\blog_(?P<level>debug|info|warning|error)\(\s*(?P<first>\"[^\"]*\"|[^\s,)]*)"
    r"|\b(?:log|log_always|make_log_line)\(\s*(?:common::)?(?:LogLevel::(?P<named>\w+)|level),"
    r"\s*(?P<second>\"[^\"]*\"|[^\s,)]*)"
    r"|\b(?:say|write_event|own_line)\(\s*(?P<told>\"[^\"]*\")")
EVENT_ROW = re.compile(r"^\| `([a-z_]+)` \| ([A-Z, ]+) \|", re.MULTILINE)
# Where an event's name is handed on, its call is elsewhere.
HANDED_ON = {"event", "std::string_view"}


def logged_events(code):
    """(offset, name, severity) of each event that `code` logs; name None: it is no literal."""
    for match in LOGGING.finditer(code):
        name = match["first"] or match["second"] or match["told"] or ""
        severity = (match["level"] or match["named"] or ("info" if match["told"] else "")).upper()
        if name.strip('"') in HANDED_ON:
            continue
        literal = re.fullmatch(r'"([a-z_]+)"', name)
        yield match.start(), literal and literal[1], severity


def event_problems(logged, listed):
    """`logged`: severities by event. `listed`: (event, severities) of each row of the table."""
    names = [name for name, _ in listed]
    for name in sorted(set(names) - set(logged)):
        yield f"nobody logs {name}"
    for name in sorted(set(logged) - set(names)):
        yield f"does not list {name}"
    if names != sorted(set(names)):
        yield "is not in alphabetical order, or lists one twice"
    for name, severities in listed:
        said = set(severities.replace(" ", "").split(","))
        used = logged.get(name, said) - {""}
        if not used <= said:
            yield f"{name} is also logged as {', '.join(sorted(used - said))}"


def check_events():
    logged, bad, table = {}, 0, None
    for source in sources():
        if source.path == "common/log/README.md":
            table = EVENT_ROW.findall(source.raw)
        if not re.match(r"(common|proxy|activator|sluice)/.*\.[ch]pp$", source.path):
            continue
        for offset, name, severity in logged_events(source.no_comments):
            if name is None:
                print(f"{source.path}:{line_of(source.raw, offset)}: an event's name is a literal "
                      "in lower case")
                bad += 1
            else:
                logged.setdefault(name, set()).add(severity)
    for problem in event_problems(logged, table or []):
        print(f"common/log/README.md: the table of events {problem}")
        bad += 1
    print(f"events: {len(logged)} events, {bad} problems")
    return bad == 0


def check_links():
    bad = count = 0
    for source in sources():
        if source.path.endswith(".md"):
            count += 1
            exists = lambda path: os.path.exists(os.path.join(ROOT, path))
            for offset, target in broken_links(source.path, source.raw, exists):
                print(f"{source.path}:{line_of(source.raw, offset)}: there is no {target}")
                bad += 1
    print(f"links: {count} documents, {bad} broken links")
    return bad == 0


def check_manifests():
    everything, manifests = list(sources()), []
    known = set(read_variables(everything))
    for source in everything:
        if source.path.startswith("manifests/") and source.path.endswith((".yaml", ".yml")):
            manifests.append(source)
    bad = 0
    for source in manifests:
        folder, name = os.path.split(source.path)
        if name == "kustomization.yaml":
            beside = {os.path.basename(other.path) for other in manifests
                      if os.path.dirname(other.path) == folder} - {name}
            for problem in unkustomized(source.raw, beside):
                print(f"{source.path}: {problem}")
                bad += 1
        for offset, name in unread_variables(source.raw, known):
            print(f"{source.path}:{line_of(source.raw, offset)}: no program of ours reads {name}")
            bad += 1
    print(f"manifests: {len(manifests)} files, {len(known)} known variables, {bad} problems")
    return bad == 0


def self_test():
    there = {"README.md", "docs/a.md", "docs"}.__contains__
    links = lambda path, text: [target for _, target in broken_links(path, text, there)]
    unread = lambda text, *known: [name for _, name in unread_variables(text, set(known))]
    service = "apiVersion: serving.knative.dev/v1\nenv:\n- name: MINE\n"
    expectations = [
        (links("docs/a.md", "[x](b.md) [y](a.md#z) [z](../README.md)"), ["b.md"]),
        (links("README.md", "[x](https://a.b/c)\n```\n[x](no)\n```\n"), []),
        (links("README.md", "![picture](docs/no.svg)"), ["docs/no.svg"]),
        (unread("env:\n- name: A_B_C\n  value: x\n"), ["A_B_C"]),
        (unread("env:\n- name: A_B_C\n  value: x\n", "A_B_C"), []),
        (unread('- {name: "A_B_C", value: 1}\n'), ["A_B_C"]),
        (unread("metadata:\n  name: knative-sd-demo\n"), []),
        (unread(service), []),
        (unread(service + "---\nenv:\n- name: OURS\n"), ["OURS"]),
        (list(unkustomized("resources:\n- a.yaml\npatches:\n- path: b.yaml\n",
                           {"a.yaml", "b.yaml"})), []),
        (list(unkustomized("resources:\n- a.yaml\n#- path: b.yaml\n", {"b.yaml"})),
         ["there is no a.yaml", "does not name b.yaml"]),
        ([found[1:] for found in logged_events(
            'log_error(\n "a_b", x); common::log(level, "c"); parts_.say("d", y);'
            'make_log_line(common::LogLevel::info, "e", t); log_info(name, "m");'
            'void log_info(std::string_view event); catalog("f"); write_event(event, text);')],
         [("a_b", "ERROR"), ("c", ""), ("d", "INFO"), ("e", "INFO"), (None, "INFO")]),
        (list(event_problems({"a": {"INFO"}}, [("a", "INFO")])), []),
        (list(event_problems({"a": {"INFO", "ERROR", ""}, "b": {"INFO"}},
                             [("c", "INFO"), ("a", "INFO, DEBUG")])),
         ["nobody logs c", "does not list b", "is not in alphabetical order, or lists one twice",
          "a is also logged as ERROR"]),
    ]
    wrong = [(got, want) for got, want in expectations if got != want]
    for got, want in wrong:
        print(f"documents: got {got}, expected {want}")
    return not wrong


if __name__ == "__main__":
    commands = {"links": check_links, "manifests": check_manifests,
                "events": check_events, "--self-test": self_test}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        sys.exit(f"usage: documents.py {'|'.join(commands)}")
    sys.exit(0 if commands[sys.argv[1]]() else 1)
