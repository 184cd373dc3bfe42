#!/usr/bin/env python3
"""Pods come when requests wait and go when nobody comes: from zero, with GPUs, with unwilling applications."""
import collections
import socket

import harness
from harness import ONE_POD, autoscaler, program, service, wait_for


class FromZeroAndBack(harness.Case):
    def test_five_clients_get_five_pods_at_once_and_then_zero_again(self):
        demo = service(args=["--startup-ms", "1500"], annotations={"autoscaling.knative.dev/max-scale": "10"})
        sluice = self.up(demo, autoscaler(scale_to_zero_grace_period="1s"))
        self.assertEqual(sluice.status()["pods"], [])
        calls = [sluice.start_job(f"cold {i}", ms=300) for i in range(5)]
        sluice.wait_line(r"^pod \S+: ready after", 5)
        order = [found[1] for found in sluice.out.find(r"^pod \S+: (starting|ready)")]
        self.assertEqual(order[:10], ["starting"] * 5 + ["ready"] * 5, sluice.transcript())
        replies = [each.reply() for each in calls]
        self.assertEqual([reply.status for reply in replies], [200] * 5)
        self.assertEqual(len({reply.header("Sluice-Pod") for reply in replies}), 5)
        for reply in replies:
            self.assertRegex(reply.header("Server-Timing"), r"queue;dur=[\d.]+, cold;dur=[\d.]+, run;dur=[\d.]+")
        for turn in range(2):
            more = [sluice.start_job(f"warm {turn} {i}", ms=100) for i in range(5)]
            self.assertEqual([each.reply().status for each in more], [200] * 5)

        sluice.wait_status("zero pods", pods=0)
        sluice.wait_line(r"^pod \S+: stopped", 5)
        wait_for(lambda: not sluice.left(), lambda: f"the end of {sluice.left()}")
        self.assertEqual(len(sluice.pods_created()), 5)
        stats = sluice.stats()
        self.assertEqual({pod: one["at_once_max"] for pod, one in stats.items()}, dict.fromkeys(stats, 1))
        self.assertEqual(sum(one["started"] for one in stats.values()), 15)

        self.assertEqual(sluice.post("again").status, 200)
        self.assertEqual(len(sluice.pods_created()), 6)

    def test_a_burst_beyond_max_scale_is_served_in_turn(self):
        sluice = self.up(service(args=["--startup-ms", "300"]))
        calls = [sluice.start_job(f"job {i}", ms=50) for i in range(12)]
        self.assertEqual([each.reply().status for each in calls], [200] * 12)
        self.assertEqual(len(sluice.pods_created()), 3)
        stats = sluice.stats().values()
        self.assertEqual([one["at_once_max"] for one in stats], [1, 1, 1])
        self.assertEqual(sum(one["started"] for one in stats), 12)

    def test_initial_and_minimum_pods_start_without_a_request(self):
        annotations = {"autoscaling.knative.dev/min-scale": "2"}
        sluice = self.up(service(annotations=annotations))
        self.warm(sluice, 2)
        self.assertEqual(len(sluice.pods_created()), 2)


class Gpus(harness.Case):
    def test_each_pod_has_a_gpu_of_its_own_and_the_third_waits_for_one(self):
        demo = service(container={"resources": {"limits": {"nvidia.com/gpu": "1"}}})
        sluice = self.up(demo, flags=["--gpus", "2"])
        calls = [sluice.start_job(f"gpu {i}") for i in range(3)]
        said = sluice.wait_line(r"^pod (\S+): pending, (.*)$")
        self.assertIn("GPU", said[0][2])
        sluice.wait_status("two ready pods", pods_ready=2)
        pods = sorted(sluice.wait_running(self.warm(sluice, 2), 2).values())
        seen = collections.Counter(one["cuda_visible_devices"] for one in sluice.stats().values())
        self.assertEqual(seen, {"0": 1, "1": 1})
        for pod in pods:
            sluice.interrupt(pod)
        third = next(iter(sluice.wait_running(pods, 1).values()))
        sluice.interrupt(third)
        self.assertEqual([each.reply().status for each in calls], [200] * 3)
        self.assertEqual(len(sluice.out.find(r"pending, ")), 1, sluice.transcript())

    def test_a_pod_that_wants_more_gpus_than_there_are_says_so(self):
        demo = service(container={"resources": {"limits": {"nvidia.com/gpu": "4"}}},
                       annotations={"sluice.dev/cold-start-timeout": "2s"})
        sluice = self.up(demo, flags=["--gpus", "2"])
        self.assert_problem(sluice.post("too many"), 504, "cold-start-timeout")
        sluice.wait_line(r"^pod \S+: cannot start: .*4.*GPU")


class UnwillingApplications(harness.Case):
    def test_one_that_never_becomes_ready_is_told_of_and_clients_get_504(self):
        demo = service(args=["--startup-ms", "600000"], annotations={"sluice.dev/cold-start-timeout": "3s", **ONE_POD})
        sluice = self.up(demo)
        self.assert_problem(sluice.post("never"), 504, "cold-start-timeout")
        sluice.wait_line(r"^\S+: loading, \d+ s: Loading weights", 2)
        times = [time for line, time in zip(sluice.out.lines, sluice.out.times) if ": loading, " in line]
        self.assertGreater(times[1] - times[0], 9)

    def test_one_that_crashes_at_start_is_restarted_with_growing_waits(self):
        demo = service(command=["sh", "-c", "echo broken >&2; exit 3"],
                       annotations={"sluice.dev/cold-start-timeout": "3s", **ONE_POD})
        sluice = self.up(demo)
        self.assert_problem(sluice.post("never"), 504, "cold-start-timeout")
        ended = r"^pod \S+: the application ended \((.*)\); it starts again in (\S+) s"
        found = sluice.wait_line(ended, 3)
        self.assertEqual([one[2] for one in found[:3]], ["0.0", "10.0", "20.0"])
        self.assertIn("3", found[0][1])
        times = [time for line, time in zip(sluice.out.lines, sluice.out.times) if "application ended" in line]
        self.assertGreater(times[2] - times[1], 9)
        self.assertEqual(len(sluice.out.find(r"\] broken$")), 3)
        self.assertEqual(len(sluice.pods_created()), 1)

    def test_one_that_ignores_port_serves_alone_and_is_told_of(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            fixed = taken.getsockname()[1]
        demo = service(command=[program("sd-standin"), "--port", str(fixed)],
                       container={"ports": [{"containerPort": fixed}],
                                  "readinessProbe": {"tcpSocket": {"port": fixed}}})
        sluice = self.up(demo)
        first = sluice.start_job("first")
        sluice.wait_line(rf"ignores PORT and listens on {fixed}; this pod uses that port")
        pod = self.warm(sluice, 1)[0]
        second = sluice.start_job("second")
        sluice.wait_line(r"ignores PORT.*only one pod can run; pass --port \$\(PORT\) in args")
        sluice.interrupt(pod)
        self.assertEqual(first.reply().status, 200)
        sluice.interrupt(pod)
        self.assertEqual(second.reply().status, 200)
        self.assertEqual(second.reply().header("Sluice-Pod"), pod)


if __name__ == "__main__":
    harness.main()
