"""Who is answered here, and how (contract queue-proxy 3.1, rows 1 to 12); and the trust rule."""

from harness import Gate, OK, PROBE, QueueProxyTest, wait_for


def agent(name, probe=None):
    headers = [("User-Agent", name)]
    if probe is not None:
        headers.append(("K-Network-Probe", probe))
    return headers


class Probes(QueueProxyTest):
    def test_row_001_kubelet_gets_queue_on_any_path(self):
        self.start()
        response = self.ask(target="/anything", headers=agent("kube-probe/1.30", "queue"))
        self.assertEqual((response.status, response.body), (200, b"queue"))

    def test_row_002_another_probe_value_is_400(self):
        self.start()
        response = self.ask(headers=agent("kube-probe/1.30", "test-probe"))
        self.plain_error(response, 400, "unexpected probe header value: test-probe")

    def test_row_003_no_probe_header_is_400(self):
        self.start()
        response = self.ask(headers=agent("kube-probe/1.30"))
        self.plain_error(response, 400, "unexpected probe header value: ")

    def test_row_004_not_ready_is_an_empty_503(self):
        probe = '{"tcpSocket":{"port":%d},"periodSeconds":1}'
        self.start(app=False, environment=lambda port: {"SERVING_READINESS_PROBE": probe % port})
        response = self.ask(headers=PROBE)
        self.assertEqual((response.status, response.body), (503, b""))

    def test_row_005_activator_gets_queue(self):
        self.start()
        response = self.ask(target="/healthz", headers=PROBE)
        self.assertEqual((response.status, response.body), (200, b"queue"))

    def test_row_006_autoscaler_learns_that_this_is_no_activator(self):
        self.start()
        response = self.ask(headers=agent("Knative-Autoscaling-Probe", "activator"))
        self.assertEqual(response.status, 400)

    def test_row_007_network_probe_echoes_the_hash(self):
        self.start()
        response = self.ask(headers=[("K-Network-Probe", "probe"), ("K-Network-Hash", "abc")])
        self.assertEqual((response.status, response.body), (200, b""))
        self.assertEqual(response.get("K-Network-Hash"), "abc")

    def test_row_008_network_probe_without_hash_is_400(self):
        self.start()
        response = self.ask(headers=[("K-Network-Probe", "probe")])
        self.plain_error(response, 400,
                         'a probe request must contain a non-empty "K-Network-Hash" header')

    def test_row_009_probe_header_with_ordinary_agent_goes_to_the_app(self):
        self.start()
        response = self.ask(headers=agent("curl/8", "queue"))
        self.assertEqual((response.status, response.body), (200, b"ok"))
        self.assertEqual(len(self.app.requests), 1)
        count = self.metric('kn_serving_invocation_duration_seconds_count'
                            '{http_response_status_code="200",'
                            'otel_scope_name="knative.dev/serving/pkg/queue"}')
        self.assertIsNone(count)

    def test_row_010_kubelet_probe_header_passes_the_limit_by(self):
        gate = Gate()

        def respond(request, connection):
            if request.target == "/slow":
                gate.wait()
            connection.send(OK)

        self.start(respond)
        slow = self.begin(target="/slow")
        self.wait_inside(1)
        response = self.ask(target="/bypass", headers=[
            ("K-Kubelet-Probe", "x"), ("User-Agent", "curl"), ("K-Original-Host", "a.b")])
        self.assertEqual(response.status, 200)
        bypass = self.app.requests[1]
        self.assertEqual(bypass.get("Host"), "app.example.com")
        self.assertEqual(bypass.get("K-Original-Host"), "a.b")
        gate.open()
        self.assertEqual(slow.read_response().status, 200)

    def test_row_012_double_slash_is_answered_without_redirect(self):
        self.start()
        response = self.ask(target="//healthz", headers=PROBE)
        self.assertEqual((response.status, response.body), (200, b"queue"))

    def test_probes_are_answered_when_the_limit_is_reached(self):
        gate = Gate()
        self.start(lambda request, connection: (gate.wait(), connection.send(OK)) and None)
        slow = self.begin()
        self.wait_inside(1)
        self.assertEqual(self.ask(headers=PROBE).body, b"queue")
        gate.open()
        self.assertEqual(slow.read_response().status, 200)


class Trust(QueueProxyTest):
    """A header that gives a privilege counts only on a request as its rightful caller sends it."""

    def setUp(self):
        self.gate = Gate()

        def respond(request, connection):
            self.gate.wait()
            connection.send(OK)

        self.start(respond)
        self.slow = self.begin()
        self.wait_inside(1)

    def is_queued(self, **request):
        queued = self.begin(**request)
        wait_for(lambda: self.metric("sluice_queue_length") == 1, "the request to be queued")
        self.assertEqual(self.app.inside, 1)
        queued.close()
        wait_for(lambda: self.metric("sluice_queue_length") == 0, "the request to leave")

    def test_kubelet_header_on_a_post_is_queued_like_any_other(self):
        self.is_queued(method="POST", body="x", headers=[("K-Kubelet-Probe", "x")])

    def test_kubelet_header_through_an_intermediary_is_queued(self):
        for name in ("X-Forwarded-For", "Forwarded", "Via"):
            self.is_queued(headers=[("K-Kubelet-Probe", "x"), (name, "1.2.3.4")])

    def test_try_that_came_through_an_ingress_is_queued(self):
        self.is_queued(headers=[("Sluice-Try", "1"), ("Knative-Serving-Revision", "rev")])

    def test_network_probe_on_a_post_is_queued(self):
        self.is_queued(method="POST", body="x",
                       headers=[("K-Network-Probe", "probe"), ("K-Network-Hash", "h")])
