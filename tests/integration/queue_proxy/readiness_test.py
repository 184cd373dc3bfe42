"""Runs of the readiness probe (contract queue-proxy 4, rows 80 to 92)."""

import json
import os
import shutil
import ssl
import tempfile
import threading
import time
import unittest

from harness import App, Connection, DEADLINE, Gate, PROBE, QueueProxy, QueueProxyTest, make_certificate, wait_for


def answer(status, more=""):
    return "HTTP/1.1 %d X\r\n%sContent-Length: 0\r\n\r\n" % (status, more)


class Readiness(QueueProxyTest):
    def probing(self, respond=None, handler=None, app=True, **probe):
        """Starts with a probe; a port of None means the application's."""

        def environment(port):
            for kind in ("httpGet", "tcpSocket", "grpc"):
                if kind in probe:
                    probe[kind].setdefault("port", port)
            return {"SERVING_READINESS_PROBE": json.dumps(probe)}

        self.start(respond, handler, environment=environment, app=app)

    def ready(self):
        response = self.ask(headers=PROBE)
        self.assertIn((response.status, response.body), ((200, b"queue"), (503, b"")))
        return response.status == 200

    def answering(self, *statuses, **probe):
        """An application whose n-th answer has the n-th status; the last one repeats."""
        left = list(statuses)

        def respond(request, connection):
            status = left.pop(0) if len(left) > 1 else left[0]
            connection.send(status if isinstance(status, str) else answer(status))
            return False

        probe.setdefault("httpGet", {"path": "/health"})
        self.probing(respond, **probe)

    def test_row_080_aggressive_probing_goes_on_until_it_passes(self):
        self.answering(500, 500, 500, 200)
        self.assertTrue(self.ready())
        self.assertEqual(len(self.app.requests), 4)
        self.assertEqual(self.proxy.logged("probe_failed"), [])

    def test_row_081_it_gives_up_after_ten_seconds_with_one_line(self):
        self.probing(app=False, tcpSocket={})
        begun = time.monotonic()
        self.assertFalse(self.ready())
        self.assertGreaterEqual(time.monotonic() - begun, 9.9)
        lines = wait_for(lambda: self.proxy.logged("probe_failed"), "the summary")
        self.assertEqual(len(lines), 1)
        self.assertIn("aggressive probe error (failed ", lines[0])

    def test_row_082_a_failure_starts_the_count_again(self):
        self.answering(200, 500, 200, 200, 200, successThreshold=3)
        self.assertTrue(self.ready())
        self.assertEqual(len(self.app.requests), 5)

    def test_row_084_a_period_means_one_try_for_one_question(self):
        self.answering(200, periodSeconds=1, successThreshold=3)
        self.assertTrue(self.ready())
        self.assertEqual(len(self.app.requests), 1)

    def test_row_085_questions_at_the_same_time_share_one_try(self):
        gate = Gate()

        def respond(request, connection):
            gate.wait()
            connection.send(answer(200))
            return False

        self.probing(respond, httpGet={"path": "/"}, periodSeconds=10, timeoutSeconds=20)
        results = []
        askers = [threading.Thread(target=lambda: results.append(self.ready())) for _ in range(5)]
        for asker in askers:
            asker.start()
        wait_for(lambda: self.app.inside == 1, "the try")
        time.sleep(0.2)  # for the other four to come, at most: too few would still pass
        gate.open()
        for asker in askers:
            asker.join(DEADLINE)
        self.assertEqual(results, [True] * 5)
        self.assertEqual(len(self.app.requests), 1)

    def test_row_086_which_statuses_pass(self):
        for status, passes in ((200, True), (204, True), (302, True), (399, True), (400, False),
                               (404, False), (500, False), (503, False)):
            self.answering(status, periodSeconds=1)
            self.assertEqual(self.ready(), passes, status)

    def test_row_086_a_redirect_is_followed_and_its_target_decides(self):
        for target_status, passes in ((200, True), (500, False)):
            self.answering(answer(302, "Location: /else\r\n"), target_status, periodSeconds=1)
            self.assertEqual(self.ready(), passes)
            self.assertEqual([r.target for r in self.app.requests], ["/health", "/else"])

    def test_row_087_all_containers_have_to_pass(self):
        other = App(lambda request, connection: connection.send(answer(500)))
        self.addCleanup(other.close)
        probes = lambda port: [{"httpGet": {"port": p, "path": "/"}, "periodSeconds": 1}
                               for p in (port, other.port)]
        self.start(lambda request, connection: connection.send(answer(200)),
                   environment=lambda port: {
                       "ENABLE_MULTI_CONTAINER_PROBES": "true",
                       "SERVING_READINESS_PROBE": json.dumps(probes(port))})
        self.assertFalse(self.ready())
        other.respond = lambda request, connection: connection.send(answer(200))
        self.assertTrue(self.ready())

    def test_row_088_exec_and_empty_probes_are_never_ready(self):
        for text in ('{"exec":{"command":["true"]},"periodSeconds":1}', '{"periodSeconds":1}'):
            self.start(environment={"SERVING_READINESS_PROBE": text})
            self.assertFalse(self.ready())
            self.assertIsNone(self.proxy.process.poll())

    def test_null_is_no_probe(self):
        self.start(environment={"SERVING_READINESS_PROBE": "null"})
        self.assertTrue(self.ready())
        self.start(environment={"SERVING_READINESS_PROBE": "[null]",
                                "ENABLE_MULTI_CONTAINER_PROBES": "true"})
        self.assertTrue(self.ready())

    def test_row_089_the_request_of_the_probe(self):
        self.answering(200, periodSeconds=1, httpGet={
            "path": "health?foo=bar", "httpHeaders": [
                {"name": "X-Mine", "value": "v"}, {"name": "Host", "value": "other"},
                {"name": "User-Agent", "value": "mine"}]})
        self.assertTrue(self.ready())
        request = self.app.requests[0]
        self.assertEqual(request.target, "/health?foo=bar")
        self.assertEqual(request.get("X-Mine"), "v")
        self.assertEqual(request.all("User-Agent"), ["kube-probe//"])
        self.assertEqual(request.all("Host"), ["127.0.0.1:%d" % self.app.port])
        self.assertEqual(request.get("Connection").lower(), "close")

    def https_handler(self, maximum=None):
        """An application that speaks TLS, with a certificate that nobody has signed, for another name."""
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        make_certificate(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(folder, "tls.crt"), os.path.join(folder, "tls.key"))
        if maximum:
            context.maximum_version = maximum

        def handler(app, connection):
            secured = Connection(context.wrap_socket(connection.sock, server_side=True))
            try:
                App.serve(app, secured)
            finally:
                secured.close()
        return handler

    @unittest.skipUnless(shutil.which("openssl"), "the openssl program makes the certificates")
    def test_an_https_probe_takes_any_certificate(self):
        for maximum in (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2):
            statuses = [200, 500, 399]
            self.probing(lambda request, connection, left=statuses: connection.send(answer(left.pop(0))),
                         self.https_handler(maximum), periodSeconds=1, timeoutSeconds=DEADLINE,
                         httpGet={"path": "/health?a=b", "scheme": "HTTPS",
                                  "httpHeaders": [{"name": "X-Mine", "value": "v"}]})
            self.assertEqual([self.ready() for _ in range(3)], [True, False, True])
            request = self.app.requests[0]
            self.assertEqual((request.target, request.get("X-Mine")), ("/health?a=b", "v"))
            self.assertEqual(request.all("Host"), ["127.0.0.1:%d" % self.app.port])

    @unittest.skipUnless(shutil.which("openssl"), "the openssl program makes the certificates")
    def test_an_http_probe_may_be_redirected_to_https_in_the_pod(self):
        secured = App(lambda request, connection: connection.send(answer(200)), self.https_handler())
        self.addCleanup(secured.close)
        target = "https://127.0.0.1:%d/secured" % secured.port
        self.answering(answer(302, "Location: %s\r\n" % target), periodSeconds=1,
                       timeoutSeconds=DEADLINE)
        self.assertTrue(self.ready())
        self.assertEqual([request.target for request in secured.requests], ["/secured"])

    def test_an_https_probe_of_an_application_without_tls_does_not_pass(self):
        self.answering(200, periodSeconds=1, httpGet={"path": "/", "scheme": "HTTPS"})
        self.assertFalse(self.ready())
        self.assertEqual(self.app.requests, [])

    def test_an_https_probe_of_a_silent_application_ends_in_time(self):
        silent = threading.Event()
        self.addCleanup(silent.set)
        self.probing(handler=lambda app, connection: silent.wait(DEADLINE), periodSeconds=1, timeoutSeconds=1,
                     httpGet={"path": "/", "scheme": "HTTPS"})
        self.assertFalse(self.ready())
        self.assertIn("timed out", wait_for(lambda: self.proxy.logged("probe_failed"), "the reason")[0])

    def test_a_tcp_probe_sees_whether_the_port_is_open(self):
        self.probing(tcpSocket={}, periodSeconds=1)
        self.assertTrue(self.ready())
        self.app.close()
        wait_for(lambda: not self.ready(), "the closed port to be seen")

    def test_a_run_goes_on_when_the_caller_has_hung_up(self):
        self.probing(lambda request, connection: connection.send(answer(500)),
                     httpGet={"path": "/"})
        caller = self.begin(headers=PROBE)
        wait_for(lambda: len(self.app.requests) >= 1, "the first try")
        caller.close()
        count = len(self.app.requests)
        wait_for(lambda: len(self.app.requests) > count + 3, "further tries")

    def test_a_slow_app_fails_its_try(self):
        gate = Gate()
        self.probing(lambda request, connection: gate.wait(), httpGet={"path": "/"},
                     periodSeconds=1, timeoutSeconds=1)
        self.assertFalse(self.ready())
        gate.open()

    def test_row_092_text_instead_of_an_object_ends_with_1(self):
        proxy = QueueProxy(1, {"SERVING_READINESS_PROBE": '"text"'}, wait=False)
        self.addCleanup(proxy.close)
        self.assertEqual(proxy.exit_code(), 1)
        self.assertIn("SERVING_READINESS_PROBE", "".join(proxy.err))
