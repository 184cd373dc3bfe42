"""ConfigMaps, Secrets and TLS (contract activator.md 1)."""

import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
import unittest

from collector import Collector, GrpcCollector
from harness import Broken, Connection, make_certificate
from kube_harness import DEADLINE, KNATIVE_SERVICES, KubeTest, free_ports, meta, request_text, \
    wait_for

COOKIE = {"serving.knative.dev.alibabacloud/affinity": "cookie"}


class Maps(KubeTest):
    def test_row_062_config_network_counts_at_the_start_only(self):
        pod = self.pod("a", ready=False)
        self.put_revision()
        self.put_private([pod])
        self.start()
        self.put_map("config-network", {"mesh-compatibility-mode": "disabled"})
        wait_for(lambda: self.activator.logged("config_network"), "the change to be noticed")
        before = pod.probes
        wait_for(lambda: pod.probes > before + 1, "the pod to be asked as before")
        self.wait_state(pods_ready=0)

    def test_row_063_the_request_log_is_switched_on(self):
        pod = self.pod("a", answer=lambda request, connection: connection.send(
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"))
        self.put_revision()
        self.put_private([pod])
        self.start()
        lines = []
        threading.Thread(target=lambda: lines.extend(iter(
            self.activator.process.stdout.readline, "")), daemon=True).start()
        self.assertEqual(self.ask(target="/before").status, 200)
        self.put_map("config-observability", {"logging.enable-request-log": "true"})

        def logged():
            self.kubelet()
            self.assertEqual(self.ask(target="/after").status, 200)
            return lines
        wait_for(logged, "a line")
        line = json.loads(lines[0])
        self.assertEqual(line["httpRequest"]["requestUrl"], "/after")
        self.assertEqual(line["httpRequest"]["status"], 200)
        self.assertEqual(line["httpRequest"]["responseSize"], "2")
        self.assertFalse([one for one in lines if "kube-probe" in one or "/before" in one])

    def test_the_level_of_the_log_changes_at_run_time(self):
        self.start()
        self.put_map("config-logging", {"loglevel.activator": "error"})
        wait_for(lambda: not self.told_more(), "the warnings to end")

    def told_more(self):
        before = len(self.activator.err)
        self.api.forget()
        wait_for(lambda: self.api.watches >= 6, "the watches to be back")
        return len(self.activator.err) > before


class Sessions(KubeTest):
    def setUp(self):
        super().setUp()
        self.pods = [self.pod(name, answer=self.answer_of(name)) for name in "ab"]
        self.put_revision(concurrency=10)
        self.put_private(self.pods)

    @staticmethod
    def answer_of(name):
        return lambda request, connection: connection.send(
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + name)

    def put_ksvc(self, annotations):
        self.api.put(KNATIVE_SERVICES, {"metadata": meta("sd", annotations=annotations)})

    def cookie(self, headers=()):
        response = self.ask(headers=headers)
        self.assertEqual(response.status, 200)
        return response.get("Set-Cookie"), response.body

    def test_the_annotations_of_the_knative_service_make_sessions(self):
        self.put_ksvc(COOKIE)
        self.start()
        self.wait_pods("ab")
        cookie, body = self.cookie()
        self.assertTrue(cookie.startswith("sluice="))
        pair = cookie.split(";")[0]
        for _ in range(5):
            again, same = self.cookie([("Cookie", pair)])
            self.assertEqual((again, same), (None, body))
        self.put_ksvc({})
        wait_for(lambda: self.cookie()[0] is None, "the sessions to end")

    def test_two_activators_with_the_secret_honour_each_others_cookies(self):
        self.put_ksvc(COOKIE)
        self.put_secret("sluice-cookie-key", {"keys": "0123456789abcdef\n"})
        self.start()
        self.wait_pods("ab")
        pair = self.cookie()[0].split(";")[0]
        self.start()
        self.wait_pods("ab")
        self.assertIsNone(self.cookie([("Cookie", pair)])[0])
        # Rotation: the new key signs, the old one still counts.
        self.put_secret("sluice-cookie-key", {"keys": "fedcba9876543210\n0123456789abcdef\n"})
        wait_for(lambda: self.activator.logged('"keys":2'), "the new key")
        self.assertIsNone(self.cookie([("Cookie", pair)])[0])
        self.put_secret("sluice-cookie-key", {"keys": "fedcba9876543210\n"})
        wait_for(lambda: self.cookie([("Cookie", pair)])[0] is not None, "the old key to end")

    def test_a_key_that_is_none_is_told_and_changes_nothing(self):
        self.put_ksvc(COOKIE)
        self.start()
        self.assertEqual(len(self.activator.logged("no such Secret")), 1)
        self.wait_pods("ab")
        pair = self.cookie()[0].split(";")[0]
        self.put_secret("sluice-cookie-key", {"keys": "short"})
        wait_for(lambda: self.activator.logged("at least 16 characters"), "the reason")
        self.assertIsNone(self.cookie([("Cookie", pair)])[0])


@unittest.skipUnless(shutil.which("openssl"), "the openssl program makes the certificates")
class PrometheusTls(KubeTest):
    def files(self):
        make_certificate(self.folder, "metrics.example")
        return os.path.join(self.folder, "tls.crt"), os.path.join(self.folder, "tls.key")

    def scrape(self, certificate, client=None):
        context = ssl.create_default_context(cafile=certificate)
        if client:
            context.load_cert_chain(*client)
        with socket.create_connection(("127.0.0.1", self.activator.metrics), DEADLINE) as plain:
            with context.wrap_socket(plain, server_hostname="metrics.example") as secured:
                connection = Connection(secured)
                connection.send(request_text(target="/metrics"))
                return connection.read_response()

    def test_the_prometheus_port_speaks_tls_with_its_own_certificate(self):
        certificate, key = self.files()
        self.start(environment={"METRICS_PROMETHEUS_TLS_CERT": certificate, "METRICS_PROMETHEUS_TLS_KEY": key})
        self.assertIn(b"kn_activator_stats_conn_reachable", self.scrape(certificate).body)

    def test_it_may_want_a_certificate_of_the_client(self):
        certificate, key = self.files()
        self.start(environment={"METRICS_PROMETHEUS_TLS_CERT": certificate, "METRICS_PROMETHEUS_TLS_KEY": key,
                                "METRICS_PROMETHEUS_TLS_CLIENT_AUTH": "require",
                                "METRICS_PROMETHEUS_TLS_CLIENT_CA_FILE": certificate})
        with self.assertRaises((OSError, Broken)):
            self.scrape(certificate)
        self.assertEqual(self.scrape(certificate, (certificate, key)).status, 200)

    def test_a_certificate_that_cannot_be_read_is_said_at_the_start(self):
        self.start(environment={"METRICS_PROMETHEUS_TLS_CERT": "/none.crt",
                                "METRICS_PROMETHEUS_TLS_KEY": "/none.key"}, wait=False)
        self.assertEqual(self.activator.exit_code(), 1)
        self.assertIn("METRICS_PROMETHEUS_TLS_CERT", "".join(self.activator.err))


class PushedMetrics(KubeTest):
    """What config-observability says of OTLP; outages, gRPC and the queue-proxy are in activator/metrics_test."""

    def push_to(self, kind, protocol):
        collector = kind()
        self.addCleanup(collector.close)
        self.observability = {"metrics-protocol": protocol, "metrics-endpoint": collector.address,
                              "metrics-export-interval": "100ms"}
        self.put_revision()
        self.start()
        self.wait_connected()
        return collector.pushed("activator", lambda found: found["kn.activator.stats.conn.reachable"].value() == 1
                                and "kn.revision.request.queued" in found)

    def test_stocks_metrics_are_pushed_and_no_port_is_opened(self):
        metrics = self.push_to(Collector, "http/protobuf")
        queued = metrics["kn.revision.request.queued"]
        self.assertEqual((queued.kind, queued.is_monotonic, queued.unit), ("sum", False, "{request}"))
        self.assertEqual(queued.scope, "knative.dev/serving/pkg/activator")
        self.assertEqual(queued.points[0].attributes,
                         {"k8s.namespace.name": "default", "kn.revision.name": "sd-00001"})
        self.assertEqual(metrics["kn.revision.request.concurrency"].kind, "gauge")
        errors = metrics["kn.activator.stats.conn.errors"]
        self.assertEqual((errors.kind, errors.is_monotonic, errors.value(peer="autoscaler")), ("sum", True, 0))
        self.assertEqual(queued.resource["k8s.pod.name"], "activator-1")
        self.assertEqual(queued.resource["service.instance.id"], "activator-1")
        with self.assertRaises(ConnectionRefusedError):
            self.activator.connect(self.activator.metrics)

    def test_over_grpc(self):
        self.push_to(GrpcCollector, "grpc")

    def test_a_word_that_is_no_protocol_is_told_with_those_that_are(self):
        self.observability = {"metrics-protocol": "statsd"}
        self.start()
        (line,) = self.activator.logged("metrics-protocol")
        self.assertIn("'statsd' is not none, prometheus, http/protobuf or grpc", line)


class TlsPod:
    """The TLS side of a queue-proxy, on the port that stock has there."""

    def __init__(self, host, files, asks_for=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*files)
        if asks_for:
            context.load_verify_locations(asks_for)
            context.verify_mode = ssl.CERT_REQUIRED
        self.listener = socket.create_server((host, 8112))
        self.context = context
        self.served = 0
        self.names = []
        self.shown = []  # by clients: the common names of their certificates
        context.sni_callback = lambda _, name, __: self.names.append(name)
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self):
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            try:
                with self.context.wrap_socket(plain, server_side=True) as secured:
                    connection = Connection(secured)
                    connection.read_head()
                    self.served += 1
                    subject = (secured.getpeercert() or {}).get("subject", ())
                    self.shown += [value for pair in subject for name, value in pair if name == "commonName"]
                    connection.send("HTTP/1.1 200 OK\r\nConnection: close\r\n"
                                    "Content-Length: 3\r\n\r\ntls")
            except (OSError, Broken):
                pass  # a client that does not like our certificate
            finally:
                plain.close()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


@unittest.skipUnless(shutil.which("openssl"), "the openssl program makes the certificates")
class InternalTls(KubeTest):
    def setUp(self):
        super().setUp()
        self.network = {"system-internal-tls": "enabled"}
        # Loopback addresses of this process's own: port 8112 is fixed.
        self.host = "127.%d.%d.1" % (os.getpid() >> 8 & 127 | 64, os.getpid() & 255)
        self.routing = self.certificate("routing", "kn-routing", "data-plane.knative.dev")

    def certificate(self, file, *names):
        files = [os.path.join(self.folder, file + end) for end in (".crt", ".key")]
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "1", "-subj", "/CN=" + file, "-addext",
             "subjectAltName=" + ",".join("DNS:" + name for name in names),
             "-keyout", files[1], "-out", files[0]], check=True, capture_output=True)
        return files

    @staticmethod
    def text(path):
        with open(path, encoding="utf-8") as file:
            return file.read()

    def begin_with(self, *names, asks_for=None):
        """An activator, a pod whose certificate has these names, and trust in it. `asks_for`: the pod lets
        only holders of a certificate of this CA in."""
        files = self.certificate("pod", *names)
        self.put_secret("routing-serving-certs", {
            "tls.crt": self.text(self.routing[0]), "tls.key": self.text(self.routing[1]),
            "ca.crt": self.text(self.routing[0])})
        self.put_map("bundle", {"pod.crt": self.text(files[0])},
                     labels={"networking.knative.dev/trust-bundle": "true"})
        pod = TlsPod(self.host, files, asks_for)
        self.addCleanup(pod.close)
        self.tls_port = free_ports(1)[0]
        self.put_revision()
        self.start("--listen-tls", "127.0.0.1:%d" % self.tls_port)
        return pod

    def plain_side(self):
        """The pod's plain port at its TLS address (one pod has one IP), where probes go."""
        plain = self.pod("a")
        listener = socket.create_server((self.host, plain.port))
        self.addCleanup(listener.close)

        def accept():
            while True:
                try:
                    inner, _ = listener.accept()
                except OSError:
                    return
                connection = Connection(inner)
                try:
                    plain.serve(connection)
                except (OSError, Broken):
                    pass  # the client has left
                finally:
                    inner.close()
        threading.Thread(target=accept, daemon=True).start()
        self.put_private([plain], host=self.host)
        return plain

    def test_row_061_requests_go_over_tls_and_probes_do_not(self):
        pod = self.begin_with("data-plane.knative.dev", "kn-user-default")
        plain = self.plain_side()
        response = self.ask()
        self.assertEqual((response.status, response.body), (200, b"tls"))
        self.assertEqual(pod.names[0], "data-plane.knative.dev")
        self.assertGreaterEqual(plain.probes, 1)
        self.assertEqual(pod.served, 1)

    def test_a_pod_may_ask_for_our_certificate(self):
        pod = self.begin_with("data-plane.knative.dev", "kn-user-default", asks_for=self.routing[0])
        self.plain_side()
        self.assertEqual(self.ask().body, b"tls")
        self.assertEqual(pod.shown, ["routing"])

    def test_row_060_a_certificate_without_the_namespace_is_refused(self):
        pod = self.begin_with("data-plane.knative.dev", "kn-user-other")
        self.plain_side()
        client = self.begin()
        wait_for(lambda: len(pod.names) >= 2, "the pod to be tried again")
        self.assertIn("kn-user-default", self.activator.logged("tls_failed")[0])
        self.assertEqual(pod.served, 0)
        self.wait_state(waiting=1)
        client.close()

    def test_our_own_port_speaks_tls_with_the_secrets_certificate(self):
        self.begin_with("data-plane.knative.dev", "kn-user-default")
        self.assertEqual(self.names_shown(), {"kn-routing", "data-plane.knative.dev"})
        other = self.certificate("later", "kn-routing")
        self.put_secret("routing-serving-certs", {
            "tls.crt": self.text(other[0]), "tls.key": self.text(other[1]), "ca.crt": ""})
        wait_for(lambda: self.names_shown(other) == {"kn-routing"}, "the new certificate")

    def names_shown(self, files=None):
        context = ssl.create_default_context(cafile=(files or self.routing)[0])
        sock = socket.create_connection(("127.0.0.1", self.tls_port), DEADLINE)
        try:
            secured = context.wrap_socket(sock, server_hostname="kn-routing")
        except ssl.SSLError:
            sock.close()
            return None
        names = {name for _, name in secured.getpeercert()["subjectAltName"]}
        connection = Connection(secured)
        connection.send(request_text(headers=[("User-Agent", "kube-probe/1")]))
        self.assertIn(connection.read_response().status, (200, 500))
        connection.close()
        return names

    def test_without_the_secret_it_does_not_start(self):
        activator = self.start(wait=False)
        self.assertEqual(activator.exit_code(DEADLINE), 1)
        self.assertIn("Secret routing-serving-certs", "".join(activator.err))


if __name__ == "__main__":
    unittest.main()
