#!/usr/bin/env python3
"""`sluice replay` as a command, on a generated trace, and against what `sluice up` did with the same requests."""
import csv
import json
import random
import re
import subprocess
import time

import harness
from harness import TXT2IMG, Binaries, cookies, program, service

MODEL_KEY = {"sluice.dev/model-key": "override_settings.sd_model_checkpoint"}


class Replay(harness.Case):
    def write_trace(self, rows, name="trace.csv"):
        path = self.folder / name
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["arrival", "run", "session", "model"])
            writer.writerows(rows)
        return str(path)

    def write_service(self, **more):
        path = self.folder / "replayed.yaml"
        path.write_text(json.dumps(service(**more)))
        return str(path)

    def replay(self, *arguments, code=0):
        """Its output and its figures by policy."""
        figures = self.folder / "figures.json"
        done = subprocess.run([program("sluice"), "replay", *arguments, "--json", str(figures)], text=True,
                              capture_output=True, timeout=Binaries.deadline * 4, check=False)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertNotRegex(done.stderr, harness.TROUBLE)
        if code:
            return done.stderr, None
        return done.stdout, {one["variant"]["policy"]: one for one in json.loads(figures.read_text())["variants"]}


class GeneratedTrace(Replay):
    def trace(self, count=4000):
        """Bursts of sessions that stay with one of twelve models, of which few are popular."""
        chance, rows, now = random.Random(7), [], 1_700_000_000.0
        favourites = {session: int(chance.paretovariate(0.8)) % 12 for session in range(200)}
        while len(rows) < count:
            now += chance.expovariate(1 / 30)
            session = chance.randrange(200)
            for _ in range(1 + int(chance.expovariate(1 / 4))):
                now += chance.expovariate(1 / 2)
                model = favourites[session] if chance.random() < 0.8 else chance.randrange(12)
                run = round(chance.lognormvariate(2.6, 0.5), 3)
                rows.append([f"{now:.3f}", run, f"s{session}", f"m{model}"])
        return self.write_trace(rows[:count])

    def test_policies_compared(self):
        arguments = [self.trace(), "--service", self.write_service(annotations=MODEL_KEY), "--gpus", "6",
                     "--model-load", "20s", "--set", "queue-timeout=24h", "--set", "queue-limit=1000000",
                     "--compare", "policy=strict,soft,model-aware,first-available,ideal"]
        text, runs = self.replay(*arguments)
        self.assertEqual(set(runs), {"strict", "soft", "model-aware", "first-available", "ideal", "stock"})
        for one in runs.values():
            self.assertEqual(one["answered"] + one["expired"] + one["refused"] + one["left"], 4000)
        aware = runs["model-aware"]
        self.assertLess(aware["model_change_share"], runs["soft"]["model_change_share"])
        self.assertLess(aware["mean_total_s"], min(runs["soft"]["mean_total_s"], runs["strict"]["mean_total_s"]))
        self.assertLess(runs["ideal"]["mean_total_s"], aware["mean_total_s"])
        again, same = self.replay(*arguments)
        self.assertEqual((again, same), (text, runs))

    def test_a_service_that_scales_by_itself(self):
        _, runs = self.replay("--generate", "5000", "--service", self.write_service(service_annotations=cookies()),
                              "--pod-start", "20s", "--speed", "0.1")
        self.assertGreater(runs["service"]["cold_starts"], 0)
        self.assertGreater(runs["service"]["gpu_hours_loading"], 0)

    def test_wrong_flags_are_told_in_one_line(self):
        for flags in (["--compare", "policy=lax"], ["--gpus", "none"], ["--sped", "4"], ["--set", "patience=3s"]):
            said, _ = self.replay(self.trace(10), "--service", self.write_service(), *flags, code=64)
            self.assertEqual(said.count("\n"), 1, said)


class Agreement(Replay):
    """60 requests in 20 s on three pods: the same mean, within 5 %.

    What the machine did to the timing of the real run (late arrivals, longer runs) goes into the replayed trace;
    compared is what queueing made of it.
    """

    def really(self, sluice, chance):
        calls, begun = [], time.monotonic()
        for due in sorted(chance.uniform(0, 20) for _ in range(60)):
            time.sleep(max(0.0, begun + due - time.monotonic()))
            model = chance.choice(["one", "two", "three", "four"])
            body = json.dumps({"prompt": "x", "width": 8, "height": 8,
                               "override_settings": {"sd_model_checkpoint": model}})
            target = f"{TXT2IMG}?ms={int(300 + chance.expovariate(1 / 450))}"
            calls.append((time.monotonic() - begun, model, TimedCall(sluice.address, "POST", target, body)))
        rows, totals = [], []
        for at, model, each in calls:
            reply = each.reply()
            self.assertEqual(reply.status, 200)
            run = float(re.search(r"run;dur=([\d.]+)", reply.header("Server-Timing"))[1]) / 1000
            rows.append([f"{at:.6f}", f"{run:.6f}", "", model])
            totals.append(each.took)
        return rows, sum(totals) / len(totals)

    def test_sixty_requests(self):
        annotations = {"autoscaling.knative.dev/min-scale": "3", **MODEL_KEY}
        sluice = self.up(service(annotations=annotations))
        self.warm(sluice, 3)
        told = []
        # A second try where the machine was taken away from the first.
        for seed in (1, 2):
            rows, real = self.really(sluice, random.Random(seed))
            _, runs = self.replay(self.write_trace(rows), "--service", self.write_service(annotations=annotations),
                                  "--gpus", "3")
            replayed = runs["service"]["mean_total_s"]
            told.append(f"really {real:.3f} s, replayed {replayed:.3f} s")
            if abs(replayed - real) <= 0.05 * real:
                return
        self.fail("; ".join(told))


class TimedCall(harness.Call):
    took = 0.0

    def run(self, *request, **more):
        begun = time.monotonic()
        super().run(*request, **more)
        self.took = time.monotonic() - begun


if __name__ == "__main__":
    harness.main()
