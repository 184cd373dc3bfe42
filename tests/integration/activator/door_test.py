"""Who asks for what: probes, routes, headers (contract rows 1 to 13, 57 to 59)."""

from activator_harness import ActivatorTest, revision
from harness import wait_for

NAMED = (("Knative-Serving-Namespace", "default"), ("Knative-Serving-Revision", "sd-00001"))


class BehindIngress(ActivatorTest):
    def setUp(self):
        super().setUp()
        self.backend = self.pod("sd-a")
        self.start([revision([self.backend])], "--behind-ingress")
        self.wait_ready(1)
        self.backend.let_go(10)

    def last(self):
        return self.backend.requests[-1]

    def test_row_001_headers_name_the_revision_and_end_here(self):
        self.assertEqual(self.ask(headers=NAMED, host="any").body, b"sd-a")
        self.assertIsNone(self.last().get("Knative-Serving-Revision"))
        self.assertIsNone(self.last().get("Knative-Serving-Namespace"))
        self.assertEqual(self.last().get("K-Proxy-Request"), "activator")
        self.assertEqual(self.last().get("Host"), "127.0.0.1:%d" % self.backend.port)

    def test_row_002_cluster_host_with_and_without_port(self):
        for host in ("sd-00001.default.svc.cluster.local", "sd-00001.default.svc.cluster.local:80"):
            self.assertEqual(self.ask(host=host).body, b"sd-a")
            self.assertEqual(self.last().get("K-Original-Host"), host)

    def test_row_003_other_domain_is_404(self):
        response = self.ask(host="sd-00001.default.svc.other.domain")
        self.assertEqual(response.status, 404)
        self.assertEqual(response.body, b'Error getting active endpoint: '
                         b'revision.serving.knative.dev "" not found\n')

    def test_row_004_half_of_the_headers_gives_way_to_the_host(self):
        response = self.ask(headers=(("Knative-Serving-Revision", "other"),),
                            host="sd-00001.default.svc.cluster.local")
        self.assertEqual(response.body, b"sd-a")

    def test_row_005_unknown_revision_is_404(self):
        response = self.ask(headers=(NAMED[0], ("Knative-Serving-Revision", "gone")))
        self.assertEqual(response.status, 404)
        self.assertEqual(response.body, b'Error getting active endpoint: '
                         b'revision.serving.knative.dev "gone" not found\n')
        self.assertEqual(response.get("Content-Type"), "text/plain; charset=utf-8")

    def test_row_006_kubelet_hears_that_all_is_well(self):
        response = self.ask(target="/any", headers=(("User-Agent", "kube-probe/1.34"),))
        self.assertEqual((response.status, response.body), (200, b""))
        self.assertEqual(self.activator.revision()["totals"]["requests"], 0)

    def test_row_009_knative_probe_needs_no_revision(self):
        response = self.ask(target="//healthz", headers=(("K-Network-Probe", "activator"),),
                            host="nobody")
        self.assertEqual((response.status, response.body), (200, b"activator"))

    def test_row_010_another_probe_value_is_400_and_escaped(self):
        response = self.ask(headers=(("K-Network-Probe", "queue"),))
        self.assertEqual((response.status, response.body),
                         (400, b'unexpected probe header value: "queue"\n'))
        response = self.ask(headers=(("K-Network-Probe", "<b>"),))
        self.assertEqual(response.body, b'unexpected probe header value: "&lt;b&gt;"\n')

    def test_row_011_ingress_probe_echoes_the_hash(self):
        response = self.ask(headers=(("K-Network-Probe", "probe"), ("K-Network-Hash", "override")))
        self.assertEqual((response.status, response.get("K-Network-Hash")), (200, "override"))

    def test_row_012_ingress_probe_without_hash_is_400(self):
        self.assertEqual(self.ask(headers=(("K-Network-Probe", "probe"),)).status, 400)

    def test_row_013_hash_of_an_ordinary_request_ends_here(self):
        self.assertEqual(self.ask(headers=NAMED + (("K-Network-Hash", "x"),)).status, 200)
        self.assertIsNone(self.last().get("K-Network-Hash"))

    def test_row_057_original_host_that_is_set_stays(self):
        self.ask(headers=NAMED + (("K-Original-Host", "mapped.example"),))
        self.assertEqual(self.last().all("K-Original-Host"), ["mapped.example"])

    def test_row_058_forwarded_for_grows(self):
        self.ask(headers=NAMED + (("X-Forwarded-For", "1.2.3.4"),))
        self.assertEqual(self.last().all("X-Forwarded-For"), ["1.2.3.4, 127.0.0.1"])

    def test_row_059_connection_fields_end_here_and_the_pods_connection_is_kept(self):
        fields = NAMED + (("Connection", "close, X-Foo"), ("X-Foo", "1"))
        for _ in range(3):
            self.assertEqual(self.ask(headers=fields).status, 200)
        self.assertIsNone(self.last().get("X-Foo"))
        # One of the probe, one of all requests.
        wait_for(lambda: len(self.backend.connections) == 2, "two connections")


class AtTheEdge(ActivatorTest):
    def test_clients_do_not_speak_our_language(self):
        pod = self.pod("sd-a")
        self.start([revision([pod])])
        self.wait_ready(1)
        pod.let_go()
        private = ("K-Network-Probe", "K-Kubelet-Probe", "K-Original-Host", "Sluice-Body",
                   "Knative-Serving-Revision")
        response = self.ask(headers=[(name, "evil") for name in private])
        self.assertEqual(response.body, b"sd-a")
        self.assertEqual(response.get("Sluice-Pod"), "sd-a")
        for name in private:
            self.assertNotIn("evil", pod.requests[0].all(name))

    def test_several_services_by_host(self):
        one, two = self.pod("sd-a"), self.pod("other-a")
        self.start([revision([one]), revision([two], service="other")])
        self.wait_ready(1, 0)
        self.wait_ready(1, 1)
        one.let_go()
        two.let_go()
        self.assertEqual(self.ask(host="SD.default.example:80").body, b"sd-a")
        self.assertEqual(self.ask(host="other").body, b"other-a")
        self.problem(self.ask(host="third.default.example"), 404, "no-such-service")
