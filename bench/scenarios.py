"""Scenarios of one proxy before one application, and the list of all scenarios."""
import json
import subprocess
import time

import pools
import report
import waiting
from contenders import ROOT, BenchError, all_good
from scenario import Scenario

GIB = 1 << 30


class QueueProxy(Scenario):
    """The sidecar before an application that answers at once."""
    name = "queue-proxy"
    goals = {"cpu_per_request_vs_haproxy": "≤ 0.9", "cpu_per_request_vs_floor": "≤ 1.3",
             "rss_vs_haproxy": "≤ 0.4"}
    many = 64

    def start(self):
        s = self.starter
        self.backend = s.backend()
        self.idle = {}
        started = {"ours": s.queue_proxy(self.backend, 1000), "ours, limit 0": s.queue_proxy(self.backend, 0),
                   "haproxy": s.haproxy([self.backend], 1000), "nginx": s.nginx([self.backend]),
                   "floor": s.floor(self.backend), "direct": self.backend}
        time.sleep(0.3)
        self.idle = {name: p.rss_mib() for name, p in started.items() if p}
        return started

    def measure(self, name, process):
        figures = {}
        for connections, seconds in ((self.many, self.seconds), (1, self.seconds / 2)):
            before = process.cpu_ns()
            result = all_good(self.starter.load(process, "--connections", connections,
                                                "--seconds", seconds), name)
            at = f"_{connections}"
            if process is not self.backend:
                figures["cpu_us_per_request" + at] = (process.cpu_ns() - before) / 1000 / result["good"]
            figures["requests_per_s" + at] = result["good"] / result["wall_s"]
            figures["p50_us" + at] = result["p50_us"]
            figures["p99_us" + at] = result["p99_us"]
        if process is not self.backend:
            figures["rss_idle_mib"] = self.idle[name]
            figures["rss_loaded_mib"] = process.rss_mib()
        return figures

    def run(self, rounds, say):
        result = super().run(rounds, say)
        contenders = result["contenders"]
        direct = contenders["direct"]
        for name, figures in contenders.items():
            if name == "direct":
                continue
            for quantile in ("p50_us", "p99_us"):
                for connections in (1, self.many):
                    figure = f"{quantile}_{connections}"
                    base = direct[figure]["median"]
                    figures["added_" + figure] = {k: v - base for k, v in figures[figure].items()}
        return result

    def ratios(self, rounds):
        cpu = f"cpu_us_per_request_{self.many}"
        found = {}
        for other in ("haproxy", "nginx", "floor"):
            found[f"cpu_per_request_vs_{other}"] = report.ratio(rounds, cpu, "ours", other)
        found["cpu_per_request_limit_0_vs_haproxy"] = report.ratio(rounds, cpu, "ours, limit 0", "haproxy")
        found["cpu_per_request_1_connection_vs_haproxy"] = report.ratio(
            rounds, "cpu_us_per_request_1", "ours", "haproxy")
        for other in ("haproxy", "nginx"):
            found[f"rss_vs_{other}"] = report.ratio(rounds, "rss_loaded_mib", "ours", other)
            found[f"requests_per_s_vs_{other}"] = report.ratio(
                rounds, f"requests_per_s_{self.many}", "ours", other)
        return found


class Big(Scenario):
    """One large body down and one up through the sidecar; uploads that wait at the activator."""
    name = "big"
    goals = {"peak_rss_mib": "≤ 10 MB", "rss_bodies_waiting_mib": "stock: 70"}
    body = GIB
    waiting_bodies, waiting_body = 50, 20_000_000
    smoke = {"body": 1 << 20, "waiting_bodies": 5, "waiting_body": 1_000_000}

    def start(self):
        s = self.starter
        backend = s.backend()
        bodies = waiting.WaitingBodies(s, self.waiting_bodies, self.waiting_body)
        return {"ours": s.queue_proxy(backend, 1), "haproxy": s.haproxy([backend], 1),
                "nginx": s.nginx([backend]), "floor": s.floor(backend),
                "ours, bodies wait": bodies.ours, "haproxy, bodies wait": bodies.haproxy}

    def measure(self, name, process):
        if "bodies wait" in name:
            return process()
        figures = {}
        for way, options in (("down", ("--path", f"/bytes/{self.body}")), ("up", ("--upload", self.body))):
            process.forget_peak()
            before = process.cpu_ns()
            result = all_good(self.starter.load(process, "--requests", 1, *options), name)
            figures[f"mib_per_s_{way}"] = result["bytes"] / (1 << 20) / result["wall_s"]
            figures[f"cpu_ms_per_gib_{way}"] = (process.cpu_ns() - before) / 1e6 * GIB / self.body
            figures[f"peak_rss_mib_{way}"] = process.peak_rss_mib()
        return figures

    def ratios(self, rounds):
        peaks = [r["ours"][f"peak_rss_mib_{way}"] for r in rounds for way in ("down", "up")]
        waiting_mib = [r["ours, bodies wait"]["rss_bodies_waiting_mib"] for r in rounds]
        found = {"peak_rss_mib": round(max(peaks), 2), "rss_bodies_waiting_mib": round(max(waiting_mib), 2)}
        for way in ("down", "up"):
            for other in ("floor", "haproxy", "nginx"):
                found[f"throughput_{way}_vs_{other}"] = report.ratio(
                    rounds, f"mib_per_s_{way}", "ours", other)
        found["rss_bodies_waiting_vs_haproxy"] = report.ratio(
            rounds, "rss_bodies_waiting_mib", "ours, bodies wait", "haproxy, bodies wait")
        return found


class Tls(Scenario):
    """The sidecar's TLS port: handshakes, new and resumed, small requests and a large body on kept connections."""
    name = "tls"
    goals = {"cpu_per_new_handshake_vs_haproxy": "≤ 1", "cpu_per_resumed_handshake_vs_haproxy": "≤ 1"}
    rounds = 3
    clients = 4
    bulk = 64 << 20
    smoke = {"bulk": 1 << 20}

    def start(self):
        s = self.starter
        certificate = s.certificate()
        backend = s.backend()
        return {"ours": s.tls_queue_proxy(backend, 1000, certificate),
                "haproxy": s.haproxy([backend], 1000, tls=certificate / "both.pem")}

    def measure(self, name, process):
        figures = {}
        for kind, options in (("new_handshake", []), ("resumed_handshake", ["--resume"]),
                              ("kept_request", ["--keep"])):
            result, cpu = self.load(process, "--clients", self.clients, *options)
            resumed = result["resumed"]
            expected = result["handshakes"] - self.clients if "--resume" in options else 0
            if resumed != expected:
                raise BenchError(f"{name}: {resumed} of {result['handshakes']} handshakes were resumed, not {expected}")
            figures[f"{kind}s_per_s"] = result["good"] / result["wall_s"]
            figures[f"cpu_us_per_{kind}"] = cpu / 1000 / result["good"]
            figures[f"p50_us_{kind}"] = result["p50_us"]
            figures[f"p99_us_{kind}"] = result["p99_us"]
        result, cpu = self.load(process, "--clients", 1, "--keep", "--path", f"/bytes/{self.bulk}")
        figures["mib_per_s_bulk"] = result["bytes"] / (1 << 20) / result["wall_s"]
        figures["cpu_ms_per_gib_bulk"] = cpu / 1e6 * GIB / result["bytes"]
        figures["rss_loaded_mib"] = process.rss_mib()
        return figures

    def load(self, process, *options):
        before = process.cpu_ns()
        result = self.starter.tls_load(process.tls_port, "--seconds", self.seconds, *options)
        return result, process.cpu_ns() - before

    def ratios(self, rounds):
        found = {}
        for kind in ("new_handshake", "resumed_handshake", "kept_request"):
            found[f"{kind}s_per_s_vs_haproxy"] = report.ratio(rounds, f"{kind}s_per_s", "ours", "haproxy")
            found[f"cpu_per_{kind}_vs_haproxy"] = report.ratio(rounds, f"cpu_us_per_{kind}", "ours", "haproxy")
        found["throughput_bulk_vs_haproxy"] = report.ratio(rounds, "mib_per_s_bulk", "ours", "haproxy")
        found["cpu_bulk_vs_haproxy"] = report.ratio(rounds, "cpu_ms_per_gib_bulk", "ours", "haproxy")
        found["rss_vs_haproxy"] = report.ratio(rounds, "rss_loaded_mib", "ours", "haproxy")
        return found


class Memory(Scenario):
    """Does the sidecar's memory stay where it is? One process, a million requests."""
    name = "memory"
    rounds = 1
    goals = {"rss_1m_vs_100k": "1: flat", "rss_1m_mib": "≤ 8 MB"}
    first, rest = 100_000, 900_000
    smoke = {"first": 500, "rest": 1000}

    def start(self):
        s = self.starter
        backend = s.backend()
        return {"ours": s.queue_proxy(backend, 1000), "haproxy": s.haproxy([backend], 1000)}

    def measure(self, name, process):
        figures = {"rss_idle_mib": process.rss_mib()}
        for requests, at in ((self.first, "100k"), (self.rest, "1m")):
            all_good(self.starter.load(process, "--connections", 64, "--requests", requests), name)
            figures[f"rss_{at}_mib"] = process.rss_mib()
        return figures

    def ratios(self, rounds):
        ours = rounds[0]["ours"]
        return {"rss_1m_mib": round(ours["rss_1m_mib"], 2),
                "rss_1m_vs_100k": round(ours["rss_1m_mib"] / ours["rss_100k_mib"], 4),
                "rss_1m_vs_haproxy": report.ratio(rounds, "rss_1m_mib", "ours", "haproxy")}


class Headline(Scenario):
    """The seed's load at a tenth of its time scale, from zero and back: scripts/demo."""
    name = "headline"
    rounds = 1
    smoke = None
    goals = {"total_vs_ideal": "1 is the bound; stock: 1.21"}

    def start(self):
        return {"ours": None}

    def measure(self, name, contender):
        done = subprocess.run([ROOT / "scripts" / "demo"], capture_output=True, text=True, timeout=600)
        if done.returncode != 0:
            raise BenchError("scripts/demo failed: " + done.stdout[-2000:])
        got = json.loads((ROOT / "build" / "demo" / "summary.json").read_text())
        return {"total_s": got["total_s"], "ideal_s": got["ideal_s"], "pods_max": got["pods_max"],
                "at_once_max": got["at_once_max"], "queue_s": got["queue_s"],
                "cold_start_s": got["cold_start_s"]}

    def ratios(self, rounds):
        ours = rounds[0]["ours"]
        return {"total_vs_ideal": round(ours["total_s"] / ours["ideal_s"], 4)}


def all_scenarios():
    listed = [QueueProxy, Memory, Tls, Big, Headline, *pools.SCENARIOS, waiting.Waiting]
    return {scenario.name: scenario for scenario in listed}
