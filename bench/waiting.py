"""Requests that wait, many or with large bodies: what they cost, and whether the program still answers."""
import csv
import http.client
import json
import resource
import threading
import time
import urllib.request

import report
from contenders import BenchError, all_good, wait_until, write_pods
from pools import quantile
from scenario import Scenario

LONG_QUEUE = {"sluice.dev/queue-limit": "1000000", "sluice.dev/queue-bytes": "4Gi"}
# Connections from one address to another: of some 28,000 ports the kernel tries one half first, and all of
# that half, for each further connection, once it is used up.
PER_SOURCE = 10_000
FOR_EVER_US = 3_600_000_000
PROBE_EVERY_S = 0.02
SPARE_DESCRIPTORS = 1_000  # for all but the waiting clients


class LagProbe:
    """How long does the program's event loop leave a small request lying? Asks for /healthz on the admin
    port, which the same loop serves, every 20 ms on a kept connection. An answer that needs next to no
    work takes as long as the loop is busy with something else, so the longest one is its lag (and what
    the kernel needs to give it a core: `lag_idle` is the same without load)."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.took_ms, self.running = [], True
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.running = False
        self.thread.join()
        self.connection.close()

    def run(self):
        while self.running:
            asked = time.monotonic()
            try:
                self.connection.request("GET", "/healthz")
                self.connection.getresponse().read()
            except (OSError, http.client.HTTPException):
                self.connection.close()  # it closed a kept connection; the next request opens another
                continue
            took = time.monotonic() - asked
            self.took_ms.append(took * 1000)
            time.sleep(max(PROBE_EVERY_S - took, 0))

    def phase(self, name):
        """What was seen since the last call, as figures of that phase."""
        seen, self.took_ms = self.took_ms, []
        if not seen:  # the whole phase was shorter than one answer
            return {}
        return {f"lag_{name}_p99_ms": quantile(seen, 0.99),
                f"lag_{name}_max_ms": max(seen)}


def haproxy_queue(process):
    """Requests that wait in its queue, from its statistics."""
    with urllib.request.urlopen(f"http://127.0.0.1:{process.admin}/stats;csv", timeout=30) as answer:
        rows = csv.DictReader(answer.read().decode().lstrip("# ").splitlines())
        return sum(int(row["qcur"] or 0) for row in rows if row["pxname"] == "b")  # of its servers, and of all


def kib_each(figures):
    return (figures["rss_waiting_mib"] - figures["rss_idle_mib"]) * 1024 / figures["waiting"]


class Waiting(Scenario):
    """Requests that wait at zero pods, and then get one."""
    name = "waiting"
    rounds = 1
    most = 100_000
    watch_s = 1  # idle, and while all wait
    goals = {"kib_per_waiting_request": "≤ 6"}
    smoke = {"most": 200, "watch_s": 0.1}

    def start(self):
        descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[1] - SPARE_DESCRIPTORS
        if descriptors < 100:
            raise BenchError("too few descriptors (ulimit -n)")
        # Both want two for each connection: HAProxy before it starts, and ours takes no more connections.
        self.count = dict.fromkeys(("ours", "haproxy"), min(self.most, descriptors // 2))
        return {"ours": self.ours, "haproxy": self.haproxy}

    def run(self, rounds, say):
        result = super().run(rounds, say)
        for name, count in self.count.items():
            if count < self.most and name in result["contenders"]:
                say(f"waiting: {name}: {count:,} requests instead of {self.most:,}, for this user may not have more "
                    "descriptors (ulimit -Hn)")
        return result

    def load(self, process, count):
        return self.starter.load_in_background(process, "--connections", count, "--requests", count, "--drain", 300,
                                               "--sources", -(-count // PER_SOURCE))

    def measure(self, name, how):
        try:
            return how()
        finally:
            self.starter.end_all()

    def ours(self):
        s, count = self.starter, self.count["ours"]
        pod = s.queue_proxy(s.backend(), 100)
        process = s.activator([], 100, LONG_QUEUE,
                              options=["--max-connections", 0, "--max-connections-per-client", 0])
        figures = {"waiting": count, "rss_idle_mib": process.rss_mib()}
        with LagProbe(process.admin) as probe:
            time.sleep(self.watch_s)
            figures |= probe.phase("idle")
            begun = time.monotonic()
            with self.load(process, count) as load:
                wait_until(lambda: process.revision()["waiting"] == count, "all wait", 120)
                took = time.monotonic() - begun
                figures |= {"accept_all_s": took, "accepted_per_s": count / took} | probe.phase("accept")
                figures["rss_waiting_mib"] = process.rss_mib()
                time.sleep(self.watch_s)
                figures |= probe.phase("wait")
                named = time.monotonic()
                write_pods(process.pods_file, [pod], 100, LONG_QUEUE)
                result = all_good(json.loads(load.communicate(timeout=400)[0]), "ours")
                figures |= {"drain_all_s": time.monotonic() - named} | probe.phase("drain")
        return figures | {"answered": result["good"], "rss_after_mib": process.rss_mib(),
                          "kib_per_waiting_request": kib_each(figures)}

    def haproxy(self):
        """It cannot wait for a server that is not there: here the only one is busy for ever."""
        s, count = self.starter, self.count["haproxy"]
        process = s.haproxy([s.backend("--delay", FOR_EVER_US)], 1, clients=count + 100)
        figures = {"waiting": count, "rss_idle_mib": process.rss_mib()}
        with LagProbe(process.admin) as probe:
            time.sleep(self.watch_s)
            figures |= probe.phase("idle")
            begun = time.monotonic()
            with self.load(process, count):
                wait_until(lambda: haproxy_queue(process) == count - 1, "all wait", 120)
                took = time.monotonic() - begun
                figures |= {"accept_all_s": took, "accepted_per_s": count / took} | probe.phase("accept")
                figures["rss_waiting_mib"] = process.rss_mib()
                time.sleep(self.watch_s)
                figures |= probe.phase("wait")
        return figures | {"kib_per_waiting_request": kib_each(figures)}

    def ratios(self, rounds):
        return {"kib_per_waiting_request": round(rounds[0]["ours"]["kib_per_waiting_request"], 3),
                "memory_per_waiting_request_vs_haproxy": report.ratio(
                    rounds, "kib_per_waiting_request", "ours", "haproxy"),
                "accepted_per_s_vs_haproxy": report.ratio(rounds, "accepted_per_s", "ours", "haproxy"),
                "lag_accept_p99_vs_haproxy": report.ratio(rounds, "lag_accept_p99_ms", "ours", "haproxy"),
                "lag_accept_max_vs_haproxy": report.ratio(rounds, "lag_accept_max_ms", "ours", "haproxy")}


class WaitingBodies:
    """Uploads that wait, part of the scenario `big`: bodies stay where they are until a pod takes them."""

    def __init__(self, starter, count, size):
        self.starter, self.count, self.size = starter, count, size
        self.clients = ["--connections", count, "--requests", count, "--upload", size, "--drain", 300]

    def still(self, process):
        """Waits until its memory stands still."""
        seen = [0.0]

        def stands():
            time.sleep(0.3)
            seen.append(process.rss_mib())
            return abs(seen[-1] - seen[-2]) < 0.05
        wait_until(stands, "its memory stands still", 60)
        return seen[-1]

    def ours(self):
        s = self.starter
        app = s.backend()
        pod = s.queue_proxy(app, 1)
        process = s.activator([], 1, LONG_QUEUE)
        before = process.rss_mib()
        with s.load_in_background(process, *self.clients) as load:
            wait_until(lambda: process.revision()["waiting"] == self.count, "all wait", 60)
            loaded = self.still(process)
            process.forget_peak()
            named = time.monotonic()
            write_pods(process.pods_file, [pod], 1, LONG_QUEUE)
            all_good(json.loads(load.communicate(timeout=400)[0]), "ours")
            took = time.monotonic() - named
        figures = {"bodies_waiting": self.count, "rss_idle_mib": before, "rss_bodies_waiting_mib": loaded,
                   "peak_rss_bodies_sent_mib": process.peak_rss_mib(),
                   "mib_per_s_bodies_sent": self.count * self.size / (1 << 20) / took}
        for started in (process, pod, app):
            s.end(started)
        return figures

    def haproxy(self):
        s = self.starter
        app = s.backend("--delay", FOR_EVER_US)
        process = s.haproxy([app], 1)
        before = process.rss_mib()
        with s.load_in_background(process, *self.clients):
            wait_until(lambda: haproxy_queue(process) == self.count - 1, "all wait", 60)
            loaded = self.still(process)
        for started in (process, app):
            s.end(started)
        return {"bodies_waiting": self.count, "rss_idle_mib": before, "rss_bodies_waiting_mib": loaded}
