#!/usr/bin/env python3
"""What a killed application, or a killed sluice, costs: the requests that had started there, and nothing else."""
import os
import pathlib
import signal

import harness
from harness import ONE_POD, program, service, wait_for

THREE_WARM = {"autoscaling.knative.dev/min-scale": "3"}


class KilledApplication(harness.Case):
    def all_jobs(self, sluice, pods):
        return [job["prompt"] for pod in pods for job in sluice.jobs(pod)]

    def kill_app(self, sluice, pod):
        """SIGKILL for the stand-in itself; returns when its restarted successor answers."""
        pid = sluice.stats()[pod]["pid"]
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: sluice.stats()[pod]["pid"] != pid, f"another application in {pod}{sluice.transcript()}")
        sluice.wait_line(rf"^pod {pod}: the application ended \(.*(SIGKILL|signal 9|Killed).*\)")

    def start_six(self, sluice):
        pods = self.warm(sluice, 3)
        calls = {f"job {i}": sluice.start_job(f"job {i}") for i in range(6)}
        running = sluice.wait_running(pods, 3)
        sluice.wait_status("three running, three waiting", running=3, waiting=3)
        return pods, calls, running

    def end_all(self, sluice, pods, calls):
        """Interrupts whatever runs until all calls have their answers."""
        def step():
            for pod in sluice.running(pods).values():
                sluice.interrupt(pod)
            return all(each.done() for each in calls.values())
        wait_for(step, lambda: "all answers" + sluice.transcript())

    def test_only_the_request_that_had_started_there_is_lost(self):
        sluice = self.up(service(annotations=THREE_WARM))
        pods, calls, running = self.start_six(sluice)
        victim, pod = next(iter(running.items()))
        self.kill_app(sluice, pod)
        self.assert_problem(calls[victim].reply(), 502, "pod-failed")
        self.end_all(sluice, pods, calls)
        others = {prompt: each.reply().status for prompt, each in calls.items() if prompt != victim}
        self.assertEqual(others, dict.fromkeys(others, 200))
        self.assertEqual(sorted(self.all_jobs(sluice, pods)), sorted(others), "each ran once, the lost one not again")
        self.assertEqual(len(sluice.pods_created()), 3, sluice.transcript())

    def test_an_owner_who_allows_it_has_the_lost_one_run_again(self):
        sluice = self.up(service(annotations={**THREE_WARM, "sluice.dev/retry-on-pod-loss": "true"}))
        pods, calls, running = self.start_six(sluice)
        victim, pod = next(iter(running.items()))
        self.kill_app(sluice, pod)
        self.end_all(sluice, pods, calls)
        self.assertEqual([each.reply().status for each in calls.values()], [200] * 6)
        self.assertEqual(sorted(self.all_jobs(sluice, pods)), sorted(calls))

    def test_an_idempotency_key_allows_it_for_one_request(self):
        sluice = self.up(service(annotations={**ONE_POD, **harness.WARM}))
        pod = self.warm(sluice, 1)[0]
        keyed = sluice.start_job("keyed", headers={"Idempotency-Key": "k1"})
        sluice.wait_running([pod], 1)
        self.kill_app(sluice, pod)
        sluice.wait_running([pod], 1)
        sluice.interrupt(pod)
        self.assertEqual(keyed.reply().status, 200)

    def test_an_idle_one_that_dies_costs_nothing(self):
        sluice = self.up(service(annotations={**ONE_POD, **harness.WARM}))
        pod = self.warm(sluice, 1)[0]
        for i in range(3):
            self.assertEqual(sluice.post(f"before {i}").status, 200)
            pid = sluice.stats()[pod]["pid"]
            os.kill(pid, signal.SIGKILL)
            # While it is still dying it may take a request, and then that may have started.
            wait_for(lambda: not pathlib.Path(f"/proc/{pid}").exists(), f"the end of {pid}")
            self.assertEqual(sluice.post(f"after {i}").status, 200, sluice.transcript())
            if i == 0:
                break  # the second restart waits 10 s: the kubelet's rule

    def test_a_killed_queue_proxy_costs_its_request_and_comes_back(self):
        sluice = self.up(service(annotations={**ONE_POD, **harness.WARM}))
        pod = self.warm(sluice, 1)[0]
        lost, waiting = sluice.start_job("lost"), None
        sluice.wait_running([pod], 1)
        waiting = sluice.start_job("waiting", ms=0)
        sluice.wait_status("one waiting", waiting=1)
        proxies = [pid for pid, name in sluice.left().items() if name == "queue-proxy"]
        self.assertEqual(len(proxies), 1, sluice.left())
        os.kill(proxies[0], signal.SIGKILL)
        self.assert_problem(lost.reply(), 502, "pod-failed")
        sluice.interrupt(pod)
        self.assertEqual(waiting.reply().status, 200)
        self.assertEqual(sluice.stats()[pod]["at_once_max"], 1)

    def test_a_crash_in_the_middle_of_load_costs_at_most_the_crashed(self):
        sluice = self.up(service(annotations=THREE_WARM))
        pods = self.warm(sluice, 3)
        calls = [sluice.start_job(f"job {i}", ms=100) for i in range(18)]
        wait_for(lambda: sum(each.done() for each in calls) >= 4, "some answers")
        os.kill(sluice.stats()[pods[0]]["pid"], signal.SIGKILL)
        statuses = [each.reply().status for each in calls]
        self.assertLessEqual(statuses.count(502), 1, statuses)
        self.assertEqual(set(statuses) - {502}, {200})


class KilledSluice(harness.Case):
    def test_nothing_is_left_after_kill_9(self):
        # A daemon of the application's: forked twice, in a session of its own, deaf to SIGTERM.
        script = f"(setsid sh -c 'trap \"\" TERM HUP; sleep 600' &); exec {program('sd-standin')} --port $PORT"
        demo = service(command=["sh", "-c", script], annotations={"autoscaling.knative.dev/min-scale": "2"})
        sluice = self.up(demo)
        pods = self.warm(sluice, 2)
        call = sluice.start_job("running")
        sluice.wait_running(pods, 1)
        self.assertEqual(list(sluice.left().values()).count("sleep"), 2)
        sluice.signal(signal.SIGKILL)
        self.assertEqual(sluice.wait_end(), -signal.SIGKILL)
        sluice.wait_nothing_left()
        with self.assertRaises(Exception):
            call.reply()

    def test_a_daemon_of_the_application_ends_with_its_pod(self):
        script = f"(setsid sh -c 'trap \"\" TERM HUP; sleep 600' &); exec {program('sd-standin')} --port $PORT"
        sluice = self.up(service(command=["sh", "-c", script], annotations=harness.WARM))
        self.warm(sluice, 1)
        self.assertIn("sleep", sluice.left().values())
        # check_end() looks for what is left after SIGINT.


if __name__ == "__main__":
    harness.main()
