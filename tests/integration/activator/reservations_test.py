"""Several activators before the same real queue-proxies, none knowing the others: the order of
arrival over all of them, and what happens when one of either dies or stands still."""

import signal
import time

from activator_harness import Activator, SidecarTest, revision
from harness import Broken, request_text, wait_for

# Ages travel as messages, so two arrivals are in order if they are further apart than those take,
# on a machine where everything else runs too.
APART_S = 0.2
AGAIN = {"sluice.dev/retry-on-pod-loss": "true"}


class Reservations(SidecarTest):
    def start_pair(self, sidecars, annotations=None):
        """Two activators that both see every pod ready."""
        pair = []
        for _ in range(2):
            activator = Activator(self.folder, [revision(sidecars, annotations=annotations)])
            self.addCleanup(activator.close)
            pair.append(activator)
        for activator in pair:
            wait_for(lambda a=activator: a.revision()["pods_ready"] == len(sidecars), "ready pods")
        return pair

    def send(self, activator, target, body="x"):
        connection = activator.connect()
        self.addCleanup(connection.close)
        connection.send(request_text("POST", target, body=body))
        return connection

    def waits(self, activator, count, pods_reserved):
        """That many wait there, with a reservation at each pod."""
        def holds():
            now = activator.revision()
            reserved = sum(pod["state"] == "reserved" for pod in now["pods"])
            return now["waiting"] == count and reserved == pods_reserved
        wait_for(holds, "%d to wait and %d pods to be reserved" % (count, pods_reserved))

    def wait_reserved(self, sidecar, count):
        """So many reservations are in the pod's own line."""
        wait_for(lambda: sidecar.reserved() == count, "%d reservations" % count)

    def occupy(self, activator, sidecars):
        """One running request at each pod, so that what comes next finds no slot."""
        running = [self.send(activator, "/first-%d" % i) for i in range(len(sidecars))]
        for sidecar in sidecars:
            wait_for(lambda s=sidecar: s.app.inside == 1, "the slot to be taken")
        return running

    def answered(self, connections):
        self.assertEqual([c.read_response().status for c in connections],
                         [200] * len(connections))

    def test_requests_run_in_the_order_of_arrival_over_both(self):
        sidecar = self.sidecar("a")
        one, two = self.start_pair([sidecar])
        begun = self.occupy(one, [sidecar])
        # `two` is refused, so its reservation is older than that of the next one at `one`.
        begun.append(self.send(two, "/0"))
        self.waits(two, 1, 1)
        self.wait_reserved(sidecar, 1)
        time.sleep(APART_S)
        begun.append(self.send(one, "/1"))
        wait_for(lambda: one.revision()["waiting"] == 1, "it to wait")
        sidecar.gate.open()  # /first; /0 is granted the slot, and `one` is refused
        self.waits(one, 1, 1)
        self.wait_reserved(sidecar, 1)
        for i in range(2, 12):
            time.sleep(APART_S)
            begun.append(self.send((one, two)[i % 2], "/%d" % i))
            wait_for(lambda n=i: one.revision()["waiting"] + two.revision()["waiting"] == n,
                     "it to wait")
        for i in range(12):
            wait_for(lambda n=i: len(sidecar.app.requests) == n + 2, "the next one to begin")
            wait_for(lambda: sidecar.reserved() == sum(a.revision()["waiting"] > 0
                                                       for a in (one, two)),
                     "each that has somebody waiting to have a reservation")
            sidecar.gate.open()
        self.answered(begun)
        self.assertEqual([r.target for r in sidecar.app.requests],
                         ["/first-0"] + ["/%d" % i for i in range(12)])
        self.assertEqual(sidecar.app.at_once_max, 1)

    def test_an_activator_that_stands_still_loses_its_grant_by_the_lease(self):
        sidecar = self.sidecar("a")
        one, two = self.start_pair([sidecar])
        running = self.occupy(one, [sidecar])
        old = self.send(two, "/old")
        self.wait_reserved(sidecar, 1)
        young = self.send(one, "/young")
        two.process.send_signal(signal.SIGSTOP)
        sidecar.gate.open(2)
        self.answered(running)
        # The grant goes to `two`, which does not answer, and passes on.
        self.answered([young])
        two.process.send_signal(signal.SIGCONT)
        sidecar.gate.open()
        self.answered([old])
        self.assertEqual([r.target for r in sidecar.app.requests], ["/first-0", "/young", "/old"])

    def test_a_killed_activator_leaves_no_slot_idle(self):
        sidecar = self.sidecar("a")
        one, two = self.start_pair([sidecar])
        running = self.occupy(one, [sidecar])
        lost = self.send(two, "/lost")
        self.wait_reserved(sidecar, 1)
        living = self.send(one, "/living")
        two.process.send_signal(signal.SIGSTOP)
        sidecar.gate.open()
        self.answered(running)
        wait_for(lambda: sidecar.granted() == 1, "the slot to be kept for the one that is stopped")
        two.process.kill()
        with self.assertRaises((Broken, ConnectionResetError)):
            lost.read_response()
        sidecar.gate.open()
        self.answered([living])
        self.assertEqual([r.target for r in sidecar.app.requests], ["/first-0", "/living"])

    def test_a_killed_queue_proxy_takes_its_reservations_along(self):
        sidecars = [self.sidecar("a"), self.sidecar("b")]
        one, two = self.start_pair(sidecars, AGAIN)
        begun = self.occupy(one, sidecars)
        begun += [self.send((one, two)[i % 2], "/%d" % i) for i in range(10)]
        for sidecar in sidecars:
            self.wait_reserved(sidecar, 1)
        sidecars[0].proxy.process.kill()
        sidecars[1].gate.open(1000)
        self.answered(begun)
        self.assertEqual(sidecars[1].app.at_once_max, 1)
        # All but what the killed one had under way ran once.
        targets = sorted(r.target for r in sidecars[1].app.requests)
        self.assertEqual(len(targets), len(set(targets)))

    def test_many_requests_of_two_activators_run_once_each_and_never_two_at_once(self):
        sidecars = [self.sidecar(name) for name in "abc"]
        for sidecar in sidecars:
            sidecar.gate.open(1000)
        pair = self.start_pair(sidecars)
        self.answered([self.send(pair[i % 2], "/%d" % i) for i in range(120)])
        targets = [r.target for s in sidecars for r in s.app.requests]
        self.assertEqual(sorted(targets), sorted("/%d" % i for i in range(120)))
        self.assertEqual([s.app.at_once_max for s in sidecars], [1, 1, 1])
