"""Health and reports to the autoscaler (contract activator.md 5 and 7)."""

import signal
import unittest

from activator_harness import Activator
from kube_harness import DEADLINE, FakeAutoscaler, KubeTest, free_ports, wait_for
from machine_faults import Names

NOT_YET = (500, "connection has not yet been established\n")
# By the contract a reconnection comes in 150 ms, and a lost peer is noticed in 10 s; a test waits
# for both, however busy the machine is.
LONG = DEADLINE + 15


class Reports(KubeTest):
    def test_row_007_the_kubelet_hears_that_the_autoscaler_is_not_there(self):
        port = free_ports(1)[0]
        self.start(autoscaler_port=port)
        self.assertEqual(self.kubelet(), NOT_YET)
        self.assertEqual(self.kubelet("/livez"), (200, ""))
        late = FakeAutoscaler(port)
        self.addCleanup(late.close)
        wait_for(lambda: self.kubelet() == (200, ""), "the activator to be well", LONG)

    def test_the_handshake(self):
        self.start()
        self.wait_connected()
        line, headers = self.autoscaler.heads[0]
        self.assertEqual(line, "GET / HTTP/1.1")
        self.assertEqual(headers["sec-websocket-version"], "13")
        self.assertNotIn("origin", headers)
        self.assertNotIn("sec-websocket-protocol", headers)

    def test_a_wrong_answer_to_the_handshake_is_no_connection(self):
        self.autoscaler.wrong_accept = True
        self.start()
        wait_for(lambda: self.autoscaler.connected >= 2, "a second try")
        self.assertEqual(self.kubelet(), NOT_YET)
        self.autoscaler.wrong_accept = False
        wait_for(lambda: self.kubelet() == (200, ""), "the activator to be well", LONG)

    def test_requests_are_served_while_names_do_not_resolve(self):
        names = Names(self.folder)
        Activator.prefix = names.prefix
        self.addCleanup(setattr, Activator, "prefix", ())
        names.know("autoscaler.test")
        pod = self.pod("sd-00001-a")
        pod.let_go(100)
        self.put_revision()
        self.put_private([pod])
        port = self.autoscaler.port
        self.start(environment={"SLUICE_AUTOSCALER_ADDRESS": "autoscaler.test:%d" % port})
        self.wait_connected()
        self.assertEqual(self.ask().status, 200)
        names.know("")
        self.autoscaler.close()
        wait_for(lambda: self.activator.logged("Host not found"), "the name to be unknown", LONG)
        files = self.activator.files()
        for _ in range(20):
            self.assertEqual(self.ask().status, 200)
        self.assertLessEqual(self.activator.files(), files + 22)  # the test's own connections
        self.autoscaler = FakeAutoscaler(port)
        names.know("autoscaler.test")
        wait_for(lambda: self.autoscaler.connected, "the autoscaler to be found again", LONG)
        wait_for(lambda: self.autoscaler.messages, "reports", LONG)

    def test_row_046_the_first_request_pokes(self):
        self.put_revision()
        self.start()
        self.wait_connected()
        self.begin()
        wait_for(lambda: self.autoscaler.messages, "the poke")
        self.assertEqual(self.autoscaler.messages[0], [("sd-00001", "activator-1", 1.0, 1.0)])
        self.assertTrue(self.autoscaler.masked)
        wait_for(lambda: len(self.autoscaler.of("sd-00001")) >= 3, "two reports")
        _, first, second = self.autoscaler.of("sd-00001")[:3]
        # One request waits: less what the poke has said, nothing is left.
        self.assertEqual(first, (0, 0))
        self.assertAlmostEqual(second[0], 1, places=6)
        self.assertEqual(second[1], 0)

    def test_row_047_two_requests_at_once(self):
        self.put_revision()
        self.start()
        self.wait_connected()
        self.begin()
        self.begin()
        self.wait_state(waiting=2)
        wait_for(lambda: (2, 0) in self.autoscaler.of("sd-00001"), "a second with both in it")
        reports = self.autoscaler.of("sd-00001")
        self.assertEqual(reports[0], (1, 1))
        between = reports[1:reports.index((2, 0))]
        # A second may end between the two arrivals.
        self.assertIn(len(between), (1, 2))
        self.assertEqual(sum(count for _, count in between), 1)
        self.assertLess(max(average for average, _ in between), 2)

    def test_row_048_zeros_after_the_last_request_and_a_new_poke(self):
        pod = self.pod("a", answer=None)
        self.put_revision()
        self.put_private([pod])
        self.start()
        self.wait_connected()
        self.wait_pods("a")
        client = self.begin()
        self.wait_inside(pod)
        pod.let_go()
        self.assertEqual(client.read_response().status, 200)
        wait_for(lambda: self.autoscaler.of("sd-00001")[-3:] == [(0, 0)] * 3, "three zeros")
        before = len(self.autoscaler.of("sd-00001"))
        self.begin()
        wait_for(lambda: (1.0, 1.0) in self.autoscaler.of("sd-00001")[before:], "a new poke")

    def test_row_049_an_autoscaler_that_restarts(self):
        self.start()
        self.wait_connected()
        self.assertEqual(self.metric("kn_activator_stats_conn_reachable"), 1)
        self.autoscaler.hang_up(1012)
        self.wait_connected(2)
        self.assertEqual(self.metric("kn_activator_stats_conn_errors_total"), 1)
        self.assertTrue(self.activator.logged("closed by the autoscaler with 1012"))

    def test_row_050_reports_of_an_outage_are_sent_after_it(self):
        port = free_ports(1)[0]
        self.put_revision("r-1")
        self.put_revision("r-2", service="other")
        self.start(autoscaler_port=port)
        self.begin(revision="r-1")
        self.wait_state(0, waiting=1)
        reported = ('kn_revision_request_concurrency{k8s_namespace_name="default",'
                    'kn_service_name="sd",kn_configuration_name="sd",kn_revision_name="r-1"')
        wait_for(lambda: self.metric(reported) == 1, "a report that reaches nobody")
        late = FakeAutoscaler(port)
        self.addCleanup(late.close)
        wait_for(lambda: late.messages, "the reports", LONG)
        self.assertEqual(len(late.messages[0]), 1)
        name, pod, average, _ = late.messages[0][0]
        self.assertEqual((name, pod), ("r-1", "activator-1"))
        self.assertAlmostEqual(average, 1, places=2)

    def test_row_051_an_autoscaler_that_answers_no_ping(self):
        self.autoscaler.answers_pings = False
        self.start()
        wait_for(lambda: self.autoscaler.connected == 1, "the connection")
        wait_for(lambda: self.autoscaler.connected == 2, "another one", LONG)
        self.assertGreaterEqual(self.autoscaler.pings, 3)
        self.assertTrue(self.activator.logged("no pong in 10 s"))

    def test_row_065_each_revision_has_a_poke_of_its_own(self):
        for name in ("r-1", "r-2", "r-3"):
            self.put_revision(name, service=name)
        self.start()
        self.wait_connected()
        for name in ("r-1", "r-2", "r-3"):
            self.begin(revision=name)
        wait_for(lambda: all(self.autoscaler.of(name) for name in ("r-1", "r-2", "r-3")), "pokes")
        pokes = [message for message in self.autoscaler.messages if message[0][2:] == (1.0, 1.0)]
        self.assertEqual(sorted(poke[0][0] for poke in pokes), ["r-1", "r-2", "r-3"])
        self.assertTrue(all(len(poke) == 1 for poke in pokes))

    def test_shaped_reports_count_a_request_as_one_slot(self):
        shape = {"sluice.dev/shape-reports": "true"}
        target = "autoscaling.knative.dev/target-utilization-percentage"
        cases = {"plain": ({}, 1), "shaped": (shape, 0.7), "own": ({**shape, target: "50"}, 0.5),
                 "rps": ({**shape, "autoscaling.knative.dev/metric": "rps"}, 1),
                 "hpa": ({**shape, "autoscaling.knative.dev/class": "hpa.autoscaling.knative.dev"}, 1)}
        for name, (annotations, _) in cases.items():
            self.put_revision(name, service=name, annotations=annotations)
        self.start()
        self.wait_connected()

        def told(average, share):
            return average if share == 1 else share * (average - 0.02 * min(average, 1))
        for name, (_, share) in cases.items():
            self.begin(revision=name)
            self.begin(revision=name)
            wait_for(lambda: self.autoscaler.of(name), "the poke of " + name)
            poke = self.autoscaler.of(name)[0]
            self.assertAlmostEqual(poke[0], told(1, share), msg=name)
            self.assertEqual(poke[1], 1)
        for name, (_, share) in cases.items():
            wait_for(lambda: any(abs(average - told(2, share)) < 1e-6 for average, _ in self.autoscaler.of(name)),
                     lambda: "a second with both of %s" % name)
        count = 'kn_revision_request_concurrency{k8s_namespace_name="default",kn_service_name="%s"'
        self.assertAlmostEqual(self.metric(count % "shaped"), told(2, 0.7))
        # The cluster's utilization counts where the revision has none of its own, and may change.
        self.put_map("config-autoscaler", {"container-concurrency-target-percentage": "80"})
        wait_for(lambda: abs(self.autoscaler.of("shaped")[-1][0] - told(2, 0.8)) < 1e-6, "the new target")
        self.assertAlmostEqual(self.autoscaler.of("own")[-1][0], told(2, 0.5))

    def test_with_a_wait_target_a_line_that_moves_fast_enough_asks_for_no_pod(self):
        annotations = {"sluice.dev/shape-reports": "true", "sluice.dev/wait-target": "1h",
                       "autoscaling.knative.dev/target-utilization-percentage": "100"}
        pod = self.pod("sd-00001-a")
        self.put_revision(annotations=annotations)
        self.put_private([pod])
        self.start()
        self.wait_connected()
        wait_for(lambda: self.pods_ready() == 1, "the pod")
        # How long one takes is not known yet: each is worth a slot.
        for _ in range(4):
            self.begin()
        wait_for(lambda: 4 in (average for average, _ in self.autoscaler.of("sd-00001")), "a second of four")
        # It is now, and an hour is enough for three of them.
        pod.let_go()
        self.wait_state(running=1, waiting=2)
        seen = len(self.autoscaler.of("sd-00001"))
        wait_for(lambda: any(abs(average - 1) < 1e-6 for average, _ in self.autoscaler.of("sd-00001")[seen:]),
                 lambda: "a second of one slot: %s" % self.autoscaler.of("sd-00001"))
        pod.let_go(3)
        wait_for(lambda: self.autoscaler.of("sd-00001")[-1] == (0, 0), "the end")

    def test_the_metrics_have_their_stock_names(self):
        pod = self.pod("a")
        self.put_revision()
        self.put_private([pod])
        self.start()
        self.wait_connected()
        client = self.begin()
        self.wait_inside(pod)
        names = 'k8s_namespace_name="default",kn_revision_name="sd-00001"'
        self.assertEqual(self.metric("kn_revision_request_active{%s" % names), 1)
        self.assertEqual(self.metric("kn_revision_request_queued{%s" % names), 0)
        pod.let_go()
        client.read_response()
        count = 'http_server_request_duration_seconds_count{k8s_namespace_name="default"'
        wait_for(lambda: self.metric(count) == 1, "the request to be counted")
        self.assertEqual(self.metric('target_info{service_name="activator"'), 1)
        names = 'k8s_namespace_name="default",kn_service_name="sd",kn_configuration_name="sd",' \
                'kn_revision_name="sd-00001",http_request_method="GET",http_response_status_code="200"'
        at_pod = 'http_client_request_duration_seconds_count{%s,network_protocol_name="http",' \
                 'network_protocol_version="1.1",url_scheme="http",server_address="127.0.0.1",' \
                 'server_port="%d"' % (names, pod.port)
        self.assertEqual(self.metric(at_pod), 1)
        # The pod's series go with it.
        self.put_private([])
        wait_for(lambda: self.metric(at_pod) is None, "the end of the pod's series")
        self.assertEqual(self.metric(count), 1)

    def test_after_sigterm_the_kubelet_is_told_and_reports_go_on(self):
        pod = self.pod("a")
        self.put_revision()
        self.put_private([pod])
        self.start("--drain-delay", "1s")
        self.wait_connected()
        client = self.begin()
        self.wait_inside(pod)
        self.activator.process.send_signal(signal.SIGTERM)
        wait_for(lambda: self.kubelet() == (500, "received SIGTERM from kubelet\n"), "the signal")
        before = len(self.autoscaler.of("sd-00001"))
        wait_for(lambda: len(self.autoscaler.of("sd-00001")) > before + 1, "more reports")
        pod.let_go()
        self.assertEqual(client.read_response().status, 200)
        self.assertEqual(self.activator.exit_code(LONG), 0)


if __name__ == "__main__":
    unittest.main()
