"""TLS on the port for clients: --tls-cert, --tls-key, --tls-client-ca; renewed and handed over without a
dropped connection."""

import os
import shutil
import signal
import socket
import ssl
import subprocess
import unittest

from activator_harness import BINARY, Activator, ActivatorTest, HOST, revision
from harness import Connection, DEADLINE, request_text, wait_for
from http2_peer import Client
from http2_test import Pod as Http2Pod

NAME = "sluice.example.com"


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


@unittest.skipUnless(shutil.which("openssl"), "the openssl program makes the certificates")
class Tls(ActivatorTest):
    def path(self, name):
        return os.path.join(self.folder, name)

    def make_certificate(self, name, ca=None):
        """NAME.crt and NAME.key, self-signed or by `ca`."""
        new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj",
               "/CN=" + name, "-addext", "subjectAltName=DNS:" + NAME, "-keyout", self.path(name + ".key"),
               "-out", self.path(name + ".crt")]
        signer = ["-CA", self.path(ca + ".crt"), "-CAkey", self.path(ca + ".key")] if ca else []
        openssl("req", "-x509", *signer, *new)

    def begin_tls(self, *arguments, annotations=None):
        self.make_certificate("server")
        self.backend = self.pod("sd-a")
        self.backend.let_go(1000)
        self.arguments = ("--tls-cert", self.path("server.crt"), "--tls-key", self.path("server.key"), *arguments)
        self.start([revision([self.backend], annotations=annotations)], *self.arguments)
        self.wait_ready(1)

    def secured(self, alpn=("http/1.1",), maximum=None, client=None, trusted="server"):
        context = ssl.create_default_context(cafile=self.path(trusted + ".crt"))
        context.set_alpn_protocols(list(alpn))
        if maximum:
            context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            context.maximum_version = maximum
        if client:
            context.load_cert_chain(self.path(client + ".crt"), self.path(client + ".key"))
        raw = socket.create_connection(("127.0.0.1", self.activator.port), DEADLINE)
        self.addCleanup(raw.close)
        connection = Connection(context.wrap_socket(raw, server_hostname=NAME))
        self.addCleanup(connection.close)
        return connection

    def ask_on(self, connection, headers=()):
        connection.send(request_text(headers=headers, host=HOST))
        return connection.read_response()

    def serial(self, connection):
        return connection.sock.getpeercert()["serialNumber"]

    def test_requests_over_tls(self):
        self.begin_tls(annotations={"serving.knative.dev.alibabacloud/affinity": "cookie"})
        connection = self.secured()
        self.assertEqual(connection.sock.version(), "TLSv1.3")
        response = self.ask_on(connection)
        self.assertEqual(response.status, 200)
        self.assertIn("; Secure", response.get("Set-Cookie"))
        self.assertEqual(self.backend.requests[-1].get("X-Forwarded-Proto"), "https")
        self.assertEqual(self.ask_on(connection).status, 200)  # kept alive
        # A browser would offer both, and the application may not speak HTTP/2.
        self.assertEqual(self.secured(alpn=["h2", "http/1.1"]).sock.selected_alpn_protocol(), "http/1.1")

    def test_http2_where_the_application_speaks_it(self):
        self.make_certificate("server")
        pod = Http2Pod("sd-a")
        self.addCleanup(pod.close)
        self.start([revision([pod])], "--tls-cert", self.path("server.crt"), "--tls-key", self.path("server.key"),
                   "--tls-http2")
        self.wait_ready(1)
        client = Client(self.activator.port, sock=self.secured(alpn=["http/1.1", "h2"]).sock)
        self.addCleanup(client.close)
        self.assertEqual(client.sock.selected_alpn_protocol(), "h2")
        self.assertEqual(client.ask("POST", host=HOST).status, 200)

    def test_tls_1_2_is_the_least(self):
        self.begin_tls()
        self.assertEqual(self.ask_on(self.secured(maximum=ssl.TLSVersion.TLSv1_2)).status, 200)
        with self.assertRaises(ssl.SSLError):
            self.secured(maximum=ssl.TLSVersion.TLSv1_1)

    def test_plain_http_is_refused(self):
        self.begin_tls()
        connection = self.activator.connect()
        self.addCleanup(connection.close)
        connection.send(request_text(host=HOST))
        self.assertEqual(connection.read_response().status, 400)
        self.assertEqual(self.backend.requests, [])

    def test_a_new_certificate_is_used_and_no_connection_ends(self):
        self.begin_tls()
        kept = self.secured()
        before = self.serial(kept)
        self.assertEqual(self.ask_on(kept).status, 200)
        self.make_certificate("server")
        self.activator.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self.activator.logged("a new certificate is in use"), "the new certificate")
        self.assertNotEqual(self.serial(self.secured()), before)
        self.assertEqual(self.ask_on(kept).status, 200)
        with open(self.path("server.crt"), "w", encoding="ascii") as file:
            file.write("junk")
        self.activator.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self.activator.logged("the old one stays"), "the bad one to be said")
        self.assertEqual(self.ask_on(kept).status, 200)

    def test_only_clients_with_a_certificate_of_the_ca(self):
        self.make_certificate("ca")
        self.make_certificate("alice", ca="ca")
        self.make_certificate("mallory")
        self.begin_tls("--tls-client-ca", self.path("ca.crt"))
        self.assertEqual(self.ask_on(self.secured(client="alice")).status, 200)
        for client in (None, "mallory"):
            # TLS 1.3: the client's handshake is over before the server has looked at its certificate.
            with self.assertRaises(OSError):
                self.ask_on(self.secured(client=client))
        self.assertEqual(len(self.backend.requests), 1)

    def test_connections_live_through_a_restart(self):
        self.begin_tls("--handover", self.path("handover"), "--drain-delay", "30s")
        kept = self.secured()
        self.assertEqual(self.ask_on(kept).status, 200)
        old = self.activator
        self.activator = Activator(self.folder, [revision([self.backend])], self.arguments,
                                   ports=(old.port, old.admin))
        self.addCleanup(self.activator.close)
        self.wait_ready(1)
        self.assertEqual(self.ask_on(self.secured()).status, 200)
        self.assertEqual(self.ask_on(kept).status, 200)
        self.assertEqual(old.exit_code(), 0)

    def test_bad_files_and_halves_are_said(self):
        self.make_certificate("server")
        pods = self.path("pods")
        with open(pods, "w", encoding="ascii") as file:
            file.write('{"revisions": []}')
        crt, key = self.path("server.crt"), self.path("server.key")
        for arguments, code, text in (
                (("--tls-cert", crt), 64, "--tls-cert requires --tls-key"),
                (("--tls-client-ca", crt), 64, "--tls-client-ca requires --tls-cert"),
                (("--tls-cert", "/no", "--tls-key", key), 1, "--tls-cert /no: cannot be read"),
                (("--tls-cert", pods, "--tls-key", key), 1, "the certificate cannot be read"),
                (("--tls-cert", crt, "--tls-key", key, "--tls-client-ca", "/no"), 1, "/no: cannot be read"),
                (("--tls-cert", crt, "--tls-key", key, "--tls-client-ca", pods), 1, "client CA file")):
            done = subprocess.run([BINARY, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--pods", pods,
                                   *arguments], capture_output=True, text=True, timeout=DEADLINE, check=False)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertIn(text, done.stderr)
