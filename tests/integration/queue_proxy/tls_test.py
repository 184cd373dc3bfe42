"""The TLS port (contract queue-proxy 9, rows 98 and 99). That the files are read every 60 s is in
unit/common/net/certificates_test.cpp."""

import os
import shutil
import socket
import ssl
import tempfile
import unittest

from harness import Connection, DEADLINE, OK, PROBE, QueueProxy, QueueProxyTest, free_ports, \
    make_certificate, request_text, wait_for
from http2_peer import Client, Http2App


@unittest.skipUnless(shutil.which("openssl"), "the openssl program makes the certificates")
class Tls(QueueProxyTest):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        make_certificate(self.folder)
        self.tls_port = free_ports(1)[0]

    def start_tls(self, respond=None, **environment):
        self.start(respond, environment={
            "SLUICE_CERTIFICATE_DIRECTORY": self.folder,
            "QUEUE_SERVING_TLS_PORT": str(self.tls_port), **environment})

    def secured(self, alpn=("http/1.1",), maximum=None, show=None):
        context = ssl.create_default_context(cafile=os.path.join(self.folder, "tls.crt"))
        context.set_alpn_protocols(list(alpn))
        if maximum:
            context.maximum_version = maximum
        if show:
            context.load_cert_chain(os.path.join(show, "tls.crt"), os.path.join(show, "tls.key"))
        sock = socket.create_connection(("127.0.0.1", self.tls_port), DEADLINE)
        try:
            connection = Connection(context.wrap_socket(sock, server_hostname="kn-user-ns"))
        except BaseException:
            sock.close()
            raise
        self.addCleanup(connection.close)
        return connection

    def test_requests_and_probes_as_on_the_other_port(self):
        self.start_tls()
        connection = self.secured()
        self.assertEqual(connection.sock.version(), "TLSv1.3")
        self.assertEqual(connection.sock.selected_alpn_protocol(), "http/1.1")
        for _ in range(3):
            connection.send(request_text("POST", body="abc"))
            self.assertEqual(connection.read_response().body, b"ok")
        connection.send(request_text(headers=PROBE))
        self.assertEqual(connection.read_response().body, b"queue")
        self.assertEqual(self.ask().body, b"ok")  # cleartext goes on

    def test_http2_is_chosen_first_and_reaches_an_http2_application(self):
        app = Http2App()
        self.addCleanup(app.close)
        self.start_tls(USER_PORT=str(app.port))
        secured = self.secured(alpn=["http/1.1", "h2"]).sock
        self.assertEqual(secured.selected_alpn_protocol(), "h2")
        client = Client(self.tls_port, sock=secured)
        self.assertEqual(client.ask(headers=[(n.lower(), v) for n, v in PROBE]).body, b"queue")
        self.assertEqual(client.ask("POST").body, b"ok")
        # Unlike over cleartext, it is told to go.
        self.proxy.signal()
        client.until(lambda: client.goaway is not None, "GOAWAY")
        self.assertEqual(self.proxy.exit_code(), 0)

    def test_row_067_http2_over_tls_is_not_translated_either(self):
        self.start_tls()
        client = Client(self.tls_port, sock=self.secured(alpn=["h2"]).sock)
        self.assertEqual(client.ask().status, 502)

    def test_large_bodies_both_ways(self):
        body = bytes(i % 251 for i in range(3_000_000))

        def respond(request, connection):
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(request.body))
            connection.send(request.body)

        self.start_tls(respond)
        connection = self.secured()
        connection.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body))
        connection.send(body)
        self.assertEqual(connection.read_response().body, body)

    def test_tls_1_2_is_refused_unless_allowed(self):
        self.start_tls()
        with self.assertRaises(ssl.SSLError):
            self.secured(maximum=ssl.TLSVersion.TLSv1_2)
        self.start_tls(QUEUE_PROXY_TLS_MIN_VERSION="1.2",
                       QUEUE_SERVING_TLS_PORT=str(self.next_port()))
        connection = self.secured(maximum=ssl.TLSVersion.TLSv1_2)
        connection.send(request_text())
        self.assertEqual(connection.read_response().status, 200)

    def next_port(self):
        self.tls_port = free_ports(1)[0]
        return self.tls_port

    def test_only_callers_with_a_certificate_of_the_ca(self):
        activator, stranger = tempfile.mkdtemp(), tempfile.mkdtemp()
        for folder in (activator, stranger):
            self.addCleanup(shutil.rmtree, folder)
            make_certificate(folder, "kn-routing")
        self.start_tls(SLUICE_TLS_CLIENT_CA_FILE=os.path.join(activator, "tls.crt"))
        allowed = self.secured(show=activator)
        allowed.send(request_text())
        self.assertEqual(allowed.read_response().status, 200)
        for show in (None, stranger):
            # TLS 1.3: the client's handshake is over before the server has looked at its certificate.
            with self.assertRaises(OSError):
                refused = self.secured(show=show)
                refused.send(request_text())
                refused.read_response()
        self.assertEqual(len(self.app.requests), 1)

    def test_a_client_without_a_common_protocol_is_refused(self):
        self.start_tls()
        with self.assertRaises(ssl.SSLError):
            self.secured(alpn=["spdy/1"])

    def test_http_without_tls_is_told_so(self):
        self.start_tls()
        connection = self.connect(self.tls_port)
        connection.send(request_text())
        response = connection.read_response()
        self.assertEqual(response.start, "HTTP/1.0 400 Bad Request")
        self.assertEqual(response.body, b"Client sent an HTTP request to an HTTPS server.\n")

    def test_a_broken_certificate_ends_the_start(self):
        with open(os.path.join(self.folder, "tls.crt"), "w", encoding="ascii") as file:
            file.write("junk")
        proxy = QueueProxy(1, {"SLUICE_CERTIFICATE_DIRECTORY": self.folder}, wait=False)
        self.addCleanup(proxy.close)
        self.assertEqual(proxy.exit_code(), 1)
        self.assertEqual(len(proxy.err), 1, proxy.err)
        self.assertIn("tls.crt", proxy.err[0])

    def test_a_client_that_leaves_holds_its_slot_and_a_restart_is_clean(self):
        self.start_tls(lambda request, connection: (
            wait_for(lambda: request.target == "/go" or self.released, "the release"),
            connection.send(OK)) and None)
        self.released = False
        connection = self.secured()
        connection.send(request_text(target="/slow"))
        self.wait_inside(1)
        connection.close()
        wait_for(lambda: self.slots("held") == 1, "the slot to be held")
        self.released = True
        wait_for(lambda: self.slots("held") == 0, "the slot to be free")
        idle = self.secured()
        self.proxy.signal()
        self.assertEqual(self.proxy.exit_code(), 0)
        self.assertEqual(idle.sock.recv(1), b"")

    def test_a_silent_client_does_not_delay_the_end(self):
        self.start_tls()
        self.connect(self.tls_port)
        self.proxy.signal()
        self.assertEqual(self.proxy.exit_code(deadline=8), 0)
