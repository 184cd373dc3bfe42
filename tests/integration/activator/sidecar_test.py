"""The activator in front of real queue-proxies: refusals, long bodies, several activators."""

from activator_harness import Activator, SidecarTest, revision
from harness import TRY, request_text, wait_for


class WithSidecars(SidecarTest):
    def occupy(self, sidecar):
        """A request that another activator has sent there."""
        connection = sidecar.proxy.connect()
        self.addCleanup(connection.close)
        connection.send(request_text(target="/occupied", headers=TRY))
        wait_for(lambda: sidecar.app.inside == 1, "the slot to be taken")
        return connection

    def test_a_body_too_long_to_keep_survives_a_refusal(self):
        busy, free = self.sidecar("a"), self.sidecar("b")
        other = self.occupy(busy)
        self.start([revision([busy])])
        self.wait_ready(1)
        body = "x" * (3 << 20)
        connection = self.begin("POST", body=body)
        wait_for(lambda: self.activator.revision()["totals"]["dispatches"] == 0
                 and self.activator.revision()["waiting"] == 1, "the request to be refused")
        self.activator.reload([revision([busy, free])])
        free.gate.open()
        self.assertEqual(connection.read_response().body, b"b %d" % len(body))
        busy.gate.open()
        self.assertEqual(other.read_response().status, 200)
        self.assertEqual([r.target for r in busy.app.requests], ["/occupied"])

    def test_a_long_body_waits_for_nobody(self):
        """The queue-proxy says 100 itself; an application that never does costs no second."""
        sidecar = self.sidecar("a")
        self.start([revision([sidecar], annotations={"sluice.dev/replay-bytes": "1"})])
        self.wait_ready(1)
        sidecar.gate.open(1)
        response = self.ask("POST", body="x" * 100_000)
        self.assertEqual(response.body, b"a 100000")
        run = float(response.get("Server-Timing").split("run;dur=")[1])
        self.assertLess(run, 900, "the body went out after the fallback's second")
        self.assertIsNone(sidecar.app.requests[0].get("Expect"))

    def test_two_activators_never_exceed_a_limit_and_leave_nobody_behind(self):
        sidecars = [self.sidecar("a"), self.sidecar("b")]
        for sidecar in sidecars:
            sidecar.gate.open(1000)
        self.start([revision(sidecars)])
        first = self.activator
        second = Activator(self.folder, [revision(sidecars)])
        self.addCleanup(second.close)
        self.wait_ready(2)
        begun = []
        for i in range(40):
            connection = (first, second)[i % 2].connect()
            self.addCleanup(connection.close)
            connection.send(request_text("POST", "/%d" % i, body="x" * 100))
            begun.append(connection)
        for connection in begun:
            self.assertEqual(connection.read_response().status, 200)
        self.assertEqual(sum(len(s.app.requests) for s in sidecars), 40)
        self.assertEqual([s.app.at_once_max for s in sidecars], [1, 1])
