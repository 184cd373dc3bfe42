"""How the activator ends (contract section 7, rows 8, 54, 56)."""

import signal

from activator_harness import ActivatorTest, revision
from harness import wait_for

KUBELET = (("User-Agent", "kube-probe/1.34"),)


class Ending(ActivatorTest):
    def test_row_008_and_056_after_sigterm_requests_are_served_and_probes_fail(self):
        pod = self.pod("sd-a")
        self.start([revision([pod])], "--drain-delay", "300s", "--behind-ingress")
        self.wait_ready(1)
        self.assertEqual(self.ask(headers=KUBELET).status, 200)
        self.activator.process.send_signal(signal.SIGTERM)
        wait_for(lambda: self.activator.logged('"signal"'), "the signal")
        response = self.ask(headers=KUBELET)
        self.assertEqual((response.status, response.body),
                         (500, b"received SIGTERM from kubelet\n"))
        pod.let_go()
        self.assertEqual(self.ask(host="sd-00001.default.svc.cluster.local").body, b"sd-a")
        self.activator.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.activator.exit_code(), 1)

    def test_row_054_what_runs_and_what_waits_may_end(self):
        pod = self.pod("sd-a")
        self.start([revision([pod])])
        self.wait_ready(1)
        begun = [self.begin(), self.begin()]
        self.wait_inside(pod)
        self.wait_state(waiting=1)
        idle = self.activator.connect()
        self.addCleanup(idle.close)
        self.activator.process.send_signal(signal.SIGTERM)
        self.assertTrue(idle.at_end())
        with self.assertRaises(OSError):
            self.activator.connect()
        self.assertIsNone(self.activator.process.poll())
        pod.let_go(2)
        for connection in begun:
            self.assertEqual(connection.read_response().body, b"sd-a")
        self.assertEqual(self.activator.exit_code(), 0)

    def test_idle_it_ends_at_once(self):
        self.start([revision()])
        self.activator.process.send_signal(signal.SIGINT)
        self.assertEqual(self.activator.exit_code(), 0)
