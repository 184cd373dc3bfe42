#!/usr/bin/env python3
# Every environment variable that our programs read has somebody who sets it: a manifest, a program
# of ours, Knative or Kubernetes, or a user whom a document tells of it. (That manifests set no
# variable that nobody reads is `documents.py manifests`.)
#
#   environment.py             the check; says what is wrong
#   environment.py list        every variable that is read, and where
#   environment.py --self-test
import fnmatch
import os
import re
import sys

from tree import sources

NAME = r"[A-Z][A-Z0-9_]{2,}"
# Code that reads variables, as far as its file can show it.
READERS = re.compile(r"\bEnvReader\b|\bProcessEnv\b|\bEnv&|\bgetenv\(|\bKnobRow\b|\benvname\(")
PROGRAMS = re.compile(r"(common|proxy|autoscaler|activator|sluice)/.*\.cpp$")
# Capitals in these files that are no variables.
OTHER_WORDS = re.compile(r"POST|TLS_(AES|CHACHA20|ECDHE)_\w+|X25519\w*")
# A literal that only begins a name, and those that end it: `start + "MIN_VERSION"`,
# `exporter("HEADERS")`.
PREFIX = re.compile(r'"([A-Z][A-Z0-9_]+_)"')
SUFFIX = re.compile(r'(?:\b\w+ \+ |\bexporter\()"(' + NAME + r')"')
# A prefix that is handed on, `read_tls_settings(env, "ACTIVATOR_TLS_")`, belongs to the file that
# defines the function.
HANDED_ON = re.compile(r'\b(read_\w+)\(\w+, "([A-Z][A-Z0-9_]+_)"')
# A name in the code of those that set variables for another program of ours.
SETTERS = {
    "common/config/knob_table.cpp": "an annotation does: podinfo, the webhook, `sluice up`",
    "activator/standalone/inject.cpp": "the webhook sets it on the sidecar",
    "sluice/pods/pod_commands.cpp": "`sluice up` sets it on its queue-proxies",
    "sluice/service/pod_spec.cpp": "`sluice up` sets it on its queue-proxies",
}
# The rest: who sets it, and why no manifest of ours does. Patterns as the shell's. "by hand" ones
# have to stand in a document.
SET_BY = [
    ("by hand", "OTEL_*", "which collector there is, only its owner knows"),
    ("by hand", "METRICS_PROMETHEUS_TLS_*", "files that only their owner has"),
    ("by hand", "*_TLS_MIN_VERSION", "the defaults are stock's"),
    ("by hand", "*_TLS_MAX_VERSION", "the defaults are stock's"),
    ("by hand", "*_TLS_CIPHER_SUITES", "the defaults are stock's"),
    ("by hand", "*_TLS_CURVE_PREFERENCES", "the defaults are stock's"),
    ("by hand", "SLUICE_ACCESS_LOG", "a choice of the operator"),
    ("by hand", "SLUICE_AUTOSCALER_ADDRESS", "the default is where Knative's autoscaler is"),
    ("by hand", "SLUICE_MAX_CONNECTIONS", "the default is for pods"),
    ("by hand", "SLUICE_CERTIFICATE_DIRECTORY", "the default is where Knative mounts it"),
    ("by hand", "SLUICE_TLS_CLIENT_CA_FILE", "files that only their owner has"),
    ("Knative's manifest", "CONFIG_LOGGING_NAME", "ours is a patch of it"),
    ("Knative's manifest", "CONFIG_OBSERVABILITY_NAME", "ours is a patch of it"),
    ("Knative's controller", "ENABLE_*", "contract queue-proxy.md 1"),
    ("Knative's controller", "OBSERVABILITY_CONFIG", "contract queue-proxy.md 1"),
    ("stock's users", "MAX_IDLE_PROXY_CONNS*", "read as stock does; not in Knative's manifest"),
    ("stock's users", "PROBE_*", "read as stock does; not in Knative's manifest"),
    ("stock's users", "CLUSTER_DOMAIN", "read as stock does; not in Knative's manifest"),
    ("stock's users", "KUBERNETES_MIN_VERSION", "read as stock does; not in Knative's manifest"),
    ("stock's users", "METRICS_PROMETHEUS_HOST", "read as stock does; not in Knative's manifest"),
    ("stock's users", "METRICS_PROMETHEUS_PORT", "read as stock does; not in Knative's manifest"),
    ("stock's users", "PROFILING_PORT", "read as stock does; not in Knative's manifest"),
    ("the kubelet", "KUBERNETES_SERVICE_*", "in every container"),
    ("the shell", "KUBECONFIG", "outside a cluster"),
    ("the shell", "TERM", "`sluice top`"),
    ("the shell", "PATH", "`sluice up`"),
    ("the shell", "DOCKER_HOST", "`sluice up --runtime docker`"),
]


def read_in(code, shared_suffixes):
    """The variables that `code` reads; `shared_suffixes`: ends of names, by function."""
    own = set(SUFFIX.findall(code))
    handed = {prefix: function for function, prefix in HANDED_ON.findall(code)}
    names = {name for name in re.findall(f'"({NAME})"', code)
             if name not in own and not name.endswith("_") and not OTHER_WORDS.fullmatch(name)}
    for prefix in PREFIX.findall(code):
        ends = shared_suffixes.get(handed[prefix], ()) if prefix in handed else own
        names |= {prefix + end for end in ends}
    return names


def read_variables(all_sources):
    """The files that read each variable."""
    readers = [source for source in all_sources
               if PROGRAMS.match(source.path) and READERS.search(source.code)]
    suffixes = {}
    for source in readers:
        for function in re.findall(r"^\w+ (read_\w+)\(EnvReader&", source.code, re.MULTILINE):
            suffixes[function] = set(SUFFIX.findall(source.no_comments))
    found = {}
    for source in readers:
        for name in read_in(source.no_comments, suffixes):
            found.setdefault(name, []).append(source.path)
    return found


def unset(read, in_manifests, in_code, documents, table):
    """What is wrong with the variables `read`, given who sets some and what documents say."""
    used = set()
    for name in sorted(read):
        row = next((row for row in table if fnmatch.fnmatchcase(name, row[1])), None)
        if name in in_manifests or name in in_code:
            continue
        if row is None:
            yield f"no manifest sets {name}, and tests/lint/environment.py does not say who does"
            continue
        used.add(row)
        if row[0] == "by hand" and not documented(name, documents):
            yield f"{name} is set by hand, and no document says so"
    for row in table:
        if row not in used:
            yield f"tests/lint/environment.py: nobody reads {row[1]}, or somebody sets it"


def documented(name, documents):
    """In full, or as `…_REST` after a longer name, or as `PREFIX_…` of a family."""
    if re.search(rf"\b{name}\b", documents):
        return True
    parts = name.split("_")
    ends = ["…_" + "_".join(parts[i:]) for i in range(1, len(parts))]
    starts = ["_".join(parts[:i]) + "_…" for i in range(2, len(parts))]
    starts += ["_".join(parts[:i]) + "_*" for i in range(2, len(parts))]
    return any(part in documents for part in ends + starts)


def check():
    everything = list(sources())
    read = read_variables(everything)
    in_manifests, in_code, documents = set(), set(), []
    for source in everything:
        if source.path.startswith("manifests/"):
            in_manifests |= set(re.findall(rf"\bname:[ \t]*['\"]?({NAME})\b", source.raw))
        if source.path in SETTERS:
            in_code |= set(re.findall(f'"({NAME})"', source.no_comments))
        if source.path.endswith(".md") and source.path != "CHANGELOG.md":
            documents.append(source.raw)
    missing = [path for path in SETTERS if path not in {source.path for source in everything}]
    problems = [f"there is no {path}" for path in missing]
    problems += unset(read, in_manifests, in_code, "\n".join(documents), SET_BY)
    for problem in problems:
        print(problem)
    print(f"environment: {len(read)} variables are read, {len(problems)} problems")
    return not problems


def list_all():
    for name, paths in sorted(read_variables(sources()).items()):
        print(name, *paths)
    return True


def self_test():
    tls = {"read_tls_settings": {"MIN_VERSION"}}
    table = [("by hand", "BY_HAND", ""), ("Knative", "THEIRS_*", "")]
    wrong_of = lambda read, documents="": list(
        unset(read, {"IN_MANIFEST"}, {"IN_CODE"}, documents, table))
    known = {"BY_HAND": [], "THEIRS_ONE": []}
    expectations = [
        (read_in('env.text("ONE_A"); env.integer("TWO_B", 1);', {}), {"ONE_A", "TWO_B"}),
        (read_in('read_tls_settings(env, "X_TLS_");', tls), {"X_TLS_MIN_VERSION"}),
        (read_in('name = "OTEL_A_" + std::string(what); exporter("B_C"); exporter("D_E")', {}),
         {"OTEL_A_B_C", "OTEL_A_D_E"}),
        (read_in('get("TLS_AES_128"); head.method = "POST"; getenv("TERM")', {}), {"TERM"}),
        (bool(READERS.search("Config read(const common::Env& env)")), True),
        (bool(READERS.search("Config read(const Envelope& env)")), False),
        (wrong_of({**known, "IN_MANIFEST": [], "IN_CODE": []}, "BY_HAND"), []),
        (wrong_of({**known, "NEW_ONE": []}, "BY_HAND"),
         ["no manifest sets NEW_ONE, and tests/lint/environment.py does not say who does"]),
        (wrong_of(known), ["BY_HAND is set by hand, and no document says so"]),
        (wrong_of({"BY_HAND": []}, "BY_HAND"),
         ["tests/lint/environment.py: nobody reads THEIRS_*, or somebody sets it"]),
        (documented("A_B_C", "x `A_B_D`, `…_C`"), True),
        (documented("A_B_C", "all of `A_B_…`"), True),
        (documented("A_B_C", "`A_B_CD`"), False),
    ]
    wrong = [(got, want) for got, want in expectations if got != want]
    for got, want in wrong:
        print(f"environment: got {got}, expected {want}")
    return not wrong


if __name__ == "__main__":
    commands = {"": check, "list": list_all, "--self-test": self_test}
    command = sys.argv[1] if len(sys.argv) == 2 else ""
    if len(sys.argv) > 2 or command not in commands:
        sys.exit(f"usage: {os.path.basename(sys.argv[0])} [list|--self-test]")
    sys.exit(0 if commands[command]() else 1)
