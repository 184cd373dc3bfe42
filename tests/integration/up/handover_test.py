#!/usr/bin/env python3
"""`sluice up --handover`: a new sluice takes the ports of the running one, and no client notices."""
import signal
import threading

import harness
from harness import ONE_POD, WARM, service, wait_for

DEMO = service(annotations=ONE_POD, service_annotations=harness.cookies())


def started(sluice):
    """Jobs that the applications of this sluice began."""
    return sum(pod["started"] for pod in sluice.stats().values())


class Handover(harness.Case):
    def setUp(self):
        super().setUp()
        self.socket = str(self.folder / "handover")
        self.flags = ("--handover", self.socket)

    def begin(self, *documents):
        return self.up(*(documents or [DEMO]), flags=self.flags)

    def successor(self, old, *documents):
        """A second one with the same command line, once it serves."""
        new = self.begin(*documents)
        old.wait_line("^another sluice takes requests now")
        return new

    def test_whoever_waits_is_served_there_and_pods_come_one_after_the_other(self):
        old = self.begin()
        running = old.start_job("running")
        pod = old.wait_line(r"^pod (\S+): starting")[0][1]
        old.wait_running([pod], 1)
        waiting = old.start_job("waiting")
        old.wait_status("one waits", running=1, waiting=1)

        new = self.successor(old)
        new.wait_line("^requests come here now; pods start when")
        late = new.start_job("late", ms=0)
        new.wait_status("the late one waits", waiting=1, pods=0)
        self.assertEqual(new.pods_created(), [])
        old.interrupt(pod)
        self.assertEqual(running.reply().status, 200)
        old.interrupt(pod)
        self.assertEqual(waiting.reply().status, 200)
        self.assertEqual(old.wait_end(), 0)
        old.wait_nothing_left()
        ended = old.out.times[-1]

        self.assertEqual(late.reply().status, 200)
        started = new.out.times[[i for i, line in enumerate(new.out.lines) if line.endswith(": starting")][0]]
        self.assertGreaterEqual(started, ended, "two pods would have had one GPU")
        self.assertEqual(old.stats()[pod]["started"], 2)
        self.assertEqual(len(new.pods_created()), 1)

    def test_no_client_notices_restarts_under_load(self):
        now = self.begin()
        stop = threading.Event()
        answers, broken = [], []

        def client(number):
            sent = 0
            while not stop.is_set():
                try:
                    answers.append(now.post(f"{number}.{sent}", ms=20).status)
                except Exception as failure:  # any: the test says which
                    broken.append(failure)
                sent += 1
        clients = [threading.Thread(target=client, args=(number,)) for number in range(6)]
        for one in clients:
            one.start()
        self.addCleanup(lambda: [one.join() for one in clients])
        self.addCleanup(stop.set)
        ran = 0
        for _ in range(3):
            served = len(answers)
            wait_for(lambda: len(answers) >= served + 20, lambda: f"20 answers: {answers[-5:]} {broken[-5:]}")
            old, now = now, self.successor(now)
            self.assertEqual(old.wait_end(), 0, old.transcript())
            old.wait_nothing_left()
            ran += started(old)
        served = len(answers)
        wait_for(lambda: len(answers) >= served + 20, lambda: f"20 answers: {answers[-5:]} {broken[-5:]}")
        stop.set()
        for one in clients:
            one.join()
        self.assertEqual(broken, [])
        self.assertEqual(set(answers), {200})
        wait_for(lambda: ran + started(now) == len(answers),
                 lambda: f"each ran once; {len(answers)} answers, {ran} + {started(now)} runs")

    def test_sessions_are_still_genuine(self):
        old = self.begin()
        cookie = old.post("first").cookie()
        new = self.successor(old)
        self.assertEqual(old.wait_end(), 0)
        moved = new.post("second", headers={"Cookie": f"sd={cookie}"})
        self.assertEqual(moved.status, 200)
        metrics = harness.call(new.admin, "GET", "/metrics").body.decode()
        self.assertRegex(metrics, r'sluice_affinity_total{[^}]*result="moved"} 1\b')
        self.assertRegex(metrics, r'sluice_affinity_total{[^}]*result="rejected"} 0\b')

    def test_a_killed_predecessor_is_gone_too(self):
        old = self.begin(service(annotations={**ONE_POD, **WARM}))
        pod = self.warm(old, 1)[0]
        running = old.start_job("running")
        old.wait_running([pod], 1)
        new = self.successor(old)
        late = new.start_job("late", ms=0)
        new.wait_status("the late one waits", waiting=1)
        old.signal(signal.SIGKILL)
        with self.assertRaises((OSError, harness.http.client.HTTPException)):
            running.reply()
        self.assertEqual(late.reply().status, 200)
        old.wait_end()
        old.wait_nothing_left()

    def test_one_that_cannot_start_changes_nothing(self):
        old = self.begin()
        failed = self.launch("kind: Nothing", flags=self.flags)
        self.assertEqual(failed.wait_end(), 1)
        self.assertEqual(old.post("still here").status, 200)
        self.assertEqual(old.out.find("^another sluice"), [])
        self.successor(old)
        self.assertEqual(old.wait_end(), 0)

    def test_the_new_one_may_be_ended_before_the_old_one(self):
        old = self.begin()
        running = old.start_job("running")
        pod = old.wait_line(r"^pod (\S+): starting")[0][1]
        old.wait_running([pod], 1)
        new = self.successor(old)
        late = new.start_job("late")
        new.wait_status("the late one waits", waiting=1)
        new.signal(signal.SIGTERM)
        self.assert_problem(late.reply(), 503, "shutting-down")
        self.assertEqual(new.wait_end(), 0)
        self.assertFalse(running.done())
        old.interrupt(pod)
        self.assertEqual(running.reply().status, 200)
        self.assertEqual(old.wait_end(), 0)

    def test_a_socket_that_cannot_be_is_refused(self):
        sluice = self.launch(DEMO, flags=("--handover", str(self.folder)))
        self.assertEqual(sluice.wait_end(), 1)
        sluice.wait_nothing_left()
        self.assertRegex("\n".join(sluice.err.lines), "--handover .*(no socket|[Rr]efused|Socket operation)")


if __name__ == "__main__":
    harness.main()
