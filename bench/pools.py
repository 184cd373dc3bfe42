"""Scenarios with several pods, or with the activator before them."""
import bisect
import heapq
import json
import pathlib
import statistics
import subprocess
import time

import report
from contenders import SERVICE_DOMAIN, all_good
from scenario import Scenario

PODS = 5
MEAN_S, SIGMA = 0.1, 0.5


def ideal_fifo(services, clients, servers):
    """One queue, oldest first, closed loop without thinking: (total s, waits s, latencies s)."""
    free = [0.0] * servers
    asking = [0.0] * clients
    waits, latencies, end = [], [], 0.0
    for service in services:
        asked = heapq.heappop(asking)
        begin = max(asked, heapq.heappop(free))
        done = begin + service
        heapq.heappush(free, done)
        heapq.heappush(asking, done)
        waits.append(begin - asked)
        latencies.append(done - asked)
        end = max(end, done)
    return end, waits, latencies


def quantile(values, q):
    ordered = sorted(values)
    return ordered[min(int(q * len(ordered)), len(ordered) - 1)]


def merged(intervals):
    out = []
    for begin, end in sorted(intervals):
        if out and begin <= out[-1][1]:
            out[-1][1] = max(out[-1][1], end)
        else:
            out.append([begin, end])
    return out


def longest_idle_while_waiting(runs_of_pods, waits):
    """The longest stretch in which a pod had nothing to do and at least one request waited."""
    waits = merged(waits)
    begins = [begin for begin, _ in waits]
    longest = 0
    for runs in runs_of_pods:
        runs = sorted(runs)
        for (_, idle_from), (idle_to, _) in zip(runs, runs[1:]):
            i = max(bisect.bisect_right(begins, idle_from) - 1, 0)
            while i < len(waits) and waits[i][0] < idle_to:
                longest = max(longest, min(waits[i][1], idle_to) - max(waits[i][0], idle_from))
                i += 1
    return longest


def rows(file):
    return [[int(word) for word in line.split()] for line in pathlib.Path(file).read_text().splitlines()]


class Steady(Scenario):
    """Five warm pods of one request each, 100 ms of lognormal work, closed loop."""
    name = "steady"
    seconds = 10
    rounds = 3
    goals = {"throughput_50_vs_ideal": "≥ 0.995", "p99_50_vs_ideal": "≤ 1.01",
             "throughput_50_vs_ideal (two activators)": "≥ 0.99",
             "mean_wait_50_vs_ideal (two, four activators)": "≤ 1.03",
             "p99_50_vs_ideal (two, four activators)": "≤ 1.03",
             "idle_while_waiting_ms (all, 5, 10, 50 clients)": "≤ 50"}

    def start(self):
        return {"ours": 1, "ours, two activators": 2, "ours, four activators": 4, "haproxy": 0}

    def measure(self, name, activators):
        figures = {}
        for clients in (5, 10, 50):
            figures.update(self.measure_clients(name, activators, clients))
        return figures

    def measure_clients(self, name, activators, clients):
        s = self.starter
        logs = [s.folder / f"work-{i}" for i in range(PODS)]
        apps = [s.backend("--log", log) for log in logs]
        if activators:
            pods = [s.queue_proxy(app, 1) for app in apps]
            front = [s.activator(pods, 1) for _ in range(activators)]
        else:
            front = s.haproxy(apps, 1)
        log = s.folder / "requests"
        requests = int(self.seconds * PODS / MEAN_S)
        # The same service times in the same order for all contenders.
        result = s.load(front, "--connections", clients, "--requests", requests, "--seed", clients,
                        "--sleep-mean", MEAN_S * 1e6, "--sleep-sigma", SIGMA, "--log", log)
        s.end_all()
        all_good(result, name)
        sent = {row[0]: row for row in rows(log)}
        work = [rows(file) for file in logs]
        at_once = [json.loads(pathlib.Path(app.log).read_text().splitlines()[-1])["at_once_max"] for app in apps]
        return self.figures(sent, work, clients, {"at_once_max": max(at_once)})

    def figures(self, sent, work, clients, figures):
        begun = {row[0]: row[1] for pod in work for row in pod}
        services = [sent[i][1] / 1e9 for i in sorted(sent)]
        total, ideal_waits, ideal_latencies = ideal_fifo(services, clients, PODS)
        took = (max(r[3] for r in sent.values()) - min(r[2] for r in sent.values())) / 1e9
        wait = statistics.mean(begun[i] - sent[i][2] for i in sent) / 1e9
        latencies = [(r[3] - r[2]) / 1e9 for r in sent.values()]
        idle = longest_idle_while_waiting([[row[1:] for row in pod] for pod in work],
                                          [(sent[i][2], begun[i]) for i in sent])
        at = f"_{clients}"
        figures["throughput_of_ideal" + at] = total / took
        figures["mean_wait_ms" + at] = wait * 1000
        figures["ideal_mean_wait_ms" + at] = statistics.mean(ideal_waits) * 1000
        if statistics.mean(ideal_waits) > 0:
            figures["mean_wait_of_ideal" + at] = wait / statistics.mean(ideal_waits)
        figures["p99_of_ideal" + at] = quantile(latencies, 0.99) / quantile(ideal_latencies, 0.99)
        figures["max_of_ideal" + at] = max(latencies) / max(ideal_latencies)
        figures["idle_while_waiting_ms" + at] = idle / 1e6
        return figures

    def ratios(self, rounds):
        found = {}
        for name, tail in (("ours", ""), ("ours, two activators", " (two activators)"),
                           ("ours, four activators", " (four activators)"), ("haproxy", " (haproxy)")):
            if name not in rounds[0]:
                continue  # HAProxy is not installed
            for figure, key in (("throughput_of_ideal_50", "throughput_50_vs_ideal"),
                                ("p99_of_ideal_50", "p99_50_vs_ideal"),
                                ("mean_wait_of_ideal_50", "mean_wait_50_vs_ideal")):
                found[key + tail] = round(statistics.median(r[name][figure] for r in rounds), 4)
            found["idle_while_waiting_ms" + tail] = round(max(
                statistics.median(r[name][f"idle_while_waiting_ms_{clients}"] for r in rounds)
                for clients in (5, 10, 50)), 1)
        return found


class Activator(Scenario):
    """Five pods of one request each whose work is instant: what routing alone costs; then the same with
    large tables: many services, named by Host in turn, whose pods are a few queue-proxies under many names."""
    name = "activator"
    goals = {"cpu_per_request_vs_haproxy": "≤ 0.9", "rss_vs_haproxy": "≤ 0.4",
             "cpu_per_request_many_vs_haproxy_many": "≤ 0.9"}
    many = 64
    services, pods_each = 1000, 10
    smoke = {"services": 20, "pods_each": 2}

    def start(self):
        s = self.starter
        app = s.backend()
        pods = [s.queue_proxy(app, 1) for _ in range(PODS)]
        open_pods = [s.queue_proxy(app, 0) for _ in range(PODS)]
        shared = [s.queue_proxy(app, 0) for _ in range(self.pods_each)]
        cookie = {"serving.knative.dev.alibabacloud/affinity": "cookie"}
        return {"ours": s.activator(pods, 1), "ours, cookie": s.activator(pods, 1, cookie),
                "haproxy": s.haproxy(pods, 1), "haproxy, cookie": s.haproxy(pods, 1, cookie=True),
                "nginx, no limit": s.nginx(open_pods),
                "ours, many": s.activator(shared, 1, services=self.services),
                "haproxy, many": s.haproxy(shared, 1, services=self.services)}

    def measure(self, name, process):
        figures = {}
        options = ["--cookies"] if "cookie" in name else []
        if "many" in name:
            options = ["--hosts", self.services, "--host", SERVICE_DOMAIN]
            figures["services"], figures["pods"] = self.services, self.services * self.pods_each
        for connections, seconds in ((self.many, self.seconds), (1, self.seconds / 2)):
            before = process.cpu_ns()
            result = all_good(self.starter.load(process, "--connections", connections,
                                                "--seconds", seconds, *options), name)
            at = f"_{connections}"
            figures["cpu_us_per_request" + at] = (process.cpu_ns() - before) / 1000 / result["good"]
            figures["requests_per_s" + at] = result["good"] / result["wall_s"]
            figures["p50_us" + at] = result["p50_us"]
            figures["p99_us" + at] = result["p99_us"]
        figures["rss_loaded_mib"] = process.rss_mib()
        return figures

    def ratios(self, rounds):
        cpu = f"cpu_us_per_request_{self.many}"
        return {"cpu_per_request_vs_haproxy": report.ratio(rounds, cpu, "ours", "haproxy"),
                "cpu_per_request_cookie_vs_haproxy_cookie": report.ratio(
                    rounds, cpu, "ours, cookie", "haproxy, cookie"),
                "requests_per_s_vs_haproxy": report.ratio(rounds, f"requests_per_s_{self.many}", "ours", "haproxy"),
                "p50_1_connection_vs_haproxy": report.ratio(rounds, "p50_us_1", "ours", "haproxy"),
                "rss_vs_haproxy": report.ratio(rounds, "rss_loaded_mib", "ours", "haproxy"),
                "cpu_per_request_many_vs_haproxy_many": report.ratio(rounds, cpu, "ours, many", "haproxy, many"),
                "cpu_per_request_many_vs_few": report.ratio(rounds, cpu, "ours, many", "ours"),
                "rss_many_vs_haproxy_many": report.ratio(rounds, "rss_loaded_mib", "ours, many", "haproxy, many")}


class Path(Scenario):
    """Knative's own probe: 1,000 requests a second, an application that takes 100 ms."""
    name = "path"
    seconds = 5
    rounds = 3
    rate = 1000
    connections = 4000
    goals = {"added_p95_ms": "≤ 1 (Knative's mark: 110 ms in all)"}

    def start(self):
        s = self.starter
        app = s.backend("--delay", 100_000)
        proxy = s.queue_proxy(app, 0)
        chain = s.haproxy([app], 0)
        if chain:  # HAProxy in both places
            chain = s.haproxy([chain], 0, clients=self.connections + 100)
        return {"ours": s.activator([proxy], 0), "ours, queue-proxy only": proxy, "haproxy": chain, "direct": app}

    def measure(self, name, process):
        result = all_good(self.starter.load(process, "--connections", self.connections, "--rate", self.rate,
                                            "--seconds", self.seconds), name)
        return {f"{q}_ms": result[f"{q}_us"] / 1000 for q in ("p50", "p95", "p99", "max")}

    def ratios(self, rounds):
        def added(figure, name):
            return round(statistics.median(r[name][figure] - r["direct"][figure] for r in rounds), 3)
        found = {f"added_{q}_ms": added(f"{q}_ms", "ours") for q in ("p50", "p95", "p99")}
        found["added_p95_ms_queue_proxy_only"] = added("p95_ms", "ours, queue-proxy only")
        if "haproxy" in rounds[0]:
            found |= {f"added_{q}_ms_haproxy": added(f"{q}_ms", "haproxy") for q in ("p50", "p95", "p99")}
        return found


class GivingUp(Scenario):
    """Two places, 30 s of work, 200 requests a second whose clients leave after 1 s."""
    name = "giving-up"
    rounds = 1
    seconds = 60
    work_us = 30_000_000
    goals = {"rss_growth": "1: flat", "at_once_max": "2: the limit"}
    patience_s = 1
    smoke = {"work_us": 300_000, "patience_s": 0.2}

    def start(self):
        return {"ours": lambda s, app: s.activator([s.queue_proxy(app, 2)], 2),
                "haproxy": lambda s, app: s.haproxy([app], 2),
                "haproxy, abortonclose": lambda s, app: s.haproxy([app], 2, options=["abortonclose"])}

    def measure(self, name, front):
        s = self.starter
        app = s.backend("--delay", self.work_us)
        process = front(s, app)
        samples = []
        with s.load_in_background(process, "--connections", 2000, "--rate", 200, "--give-up", self.patience_s,
                                  "--seconds", self.seconds) as load:
            while load.poll() is None:
                samples.append(process.rss_mib())
                time.sleep(0.5)
            result = json.loads(load.communicate(timeout=60)[0])
        s.end_all()
        counted = json.loads(pathlib.Path(app.log).read_text().splitlines()[-1])
        quarter = max(len(samples) // 4, 1)
        return {"rss_first_quarter_mib": max(samples[:quarter]), "rss_last_quarter_mib": max(samples[-quarter:]),
                "rss_growth": max(samples[-quarter:]) / max(samples[:quarter]),
                "at_once_max": counted["at_once_max"], "begun_by_the_application": counted["requests"],
                "gave_up": result["gave_up"]}

    def ratios(self, rounds):
        return {"rss_growth": round(rounds[0]["ours"]["rss_growth"], 3),
                "at_once_max": rounds[0]["ours"]["at_once_max"]}


class Decide(Scenario):
    """The scheduler's core alone."""
    name = "decide"
    rounds = 3
    decisions = 200_000  # per size
    smoke = {"decisions": 1000}
    goals = {"ns_per_decision_largest": "≤ 2000"}

    def start(self):
        return {}

    def run(self, rounds, say):
        measured = []
        for _ in range(rounds or self.rounds):
            command = [self.starter.program("bench-decide"), "--decisions", str(self.decisions)]
            output = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout
            lines = [json.loads(line) for line in output.splitlines()]
            measured.append({f"{x['pods']} pods, {x['waiting']} waiting, {x['sessions']} sessions":
                             {"ns_per_decision": x["ns_per_decision"]} for x in lines})
        contenders = report.collect(measured)
        ns = {name: figures["ns_per_decision"]["median"] for name, figures in contenders.items()}

        def growth(big, small):
            return round(ns[big] / ns[small], 3)
        return {"contenders": contenders, "goals": self.goals, "ratios": {
            "ns_per_decision_largest": max(ns.values()),
            "growth_10_to_10000_pods": growth("10000 pods, 0 waiting, 0 sessions", "10 pods, 0 waiting, 0 sessions"),
            "growth_1000_to_1000000_waiting": growth("1000 pods, 1000000 waiting, 0 sessions",
                                                     "1000 pods, 1000 waiting, 0 sessions"),
            "growth_1000_to_100000_sessions": growth("1000 pods, 1000 waiting, 100000 sessions",
                                                     "1000 pods, 1000 waiting, 1000 sessions")}}


SCENARIOS = [Steady, Decide, Activator, Path, GivingUp]
