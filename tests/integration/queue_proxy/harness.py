"""The real queue-proxy between a raw-socket client and a raw-socket application.

Nothing sleeps and hopes: whatever needs time is polled with a deadline. Every process and every
socket made here ends with the test that made it.
"""

import os
import random
import signal
import socket
import struct
import subprocess
import threading
import time
import unittest

BINARY = os.environ.get("QUEUE_PROXY", "")
DEADLINE = 30  # seconds that anything may take on a busy machine


def wait_for(condition, what, deadline=DEADLINE):
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.005)
    raise AssertionError("timed out waiting for " + what)


RESERVED = {}


def reserve(port):
    """Among all tests of this network, until release() or the end of this process: a port may be free because
    the program that somebody else's test has there is being restarted. Returns whether that worked."""
    mark = socket.socket(socket.AF_UNIX)
    try:
        mark.bind("\0sluice-test-port-%d" % port)
    except OSError:
        mark.close()
        return False
    RESERVED[port] = mark
    return True


def release(ports):
    for port in ports:
        RESERVED.pop(port).close()


def free_ports(count):
    """Below the range from which outgoing connections get theirs: until the program binds it, a port of
    that range may become the near end of somebody's connection."""
    ports = []
    for port in random.sample(range(10000, 20000), 1000):
        if not reserve(port):
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                release([port])
                continue
        ports.append(port)
        if len(ports) == count:
            return ports
    raise AssertionError("no %d free ports" % count)


class Message:
    def __init__(self, start, headers, body=b"", trailers=(), raw=b""):
        self.start = start
        self.headers = headers  # (name, value) in their order
        self.body = body
        self.trailers = list(trailers)
        self.raw = raw

    @property
    def status(self):
        return int(self.start.split(" ", 2)[1])

    @property
    def method(self):
        return self.start.split(" ")[0]

    @property
    def target(self):
        return self.start.split(" ")[1]

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def get(self, name, fallback=None):
        found = self.all(name)
        return found[0] if found else fallback


class Broken(Exception):
    """The connection ended inside a message."""


class Connection:
    """One end of a TCP connection that speaks HTTP/1.1 when told to."""

    def __init__(self, sock):
        self.sock = sock
        self.sock.settimeout(DEADLINE)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.work_ended = lambda: None  # an application's connection: its request is done

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))

    def answer(self, data):
        """A whole answer. The application is done with the request before anybody can know of it: it
        must not count as two at once when the next one is let in by this very answer."""
        self.work_ended()
        self.send(data)

    def fill(self):
        data = self.sock.recv(65536)
        if not data:
            raise Broken("eof with %r unread" % self.buffer[:200])
        self.buffer += data

    def read_line(self):
        while b"\r\n" not in self.buffer:
            self.fill()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def read_exactly(self, n):
        while len(self.buffer) < n:
            self.fill()
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def read_fields(self):
        fields = []
        while True:
            line = self.read_line()
            if not line:
                return fields
            name, value = line.split(b":", 1)
            fields.append((name.decode("latin-1"), value.strip().decode("latin-1")))

    def read_head(self):
        start = self.read_line().decode("latin-1")
        return Message(start, self.read_fields())

    def read_chunk(self):
        """The next chunk's bytes; b"" for the last one (trailers are left)."""
        size = int(self.read_line().split(b";")[0], 16)
        if size == 0:
            return b""
        data = self.read_exactly(size)
        assert self.read_line() == b""
        return data

    def read_body(self, message, is_response, to_head=False):
        chunked = (message.get("Transfer-Encoding") or "").lower() == "chunked"
        no_body = is_response and (to_head or message.status in (204, 304) or
                                   message.status < 200)
        if no_body:
            return
        if chunked:
            while True:
                chunk = self.read_chunk()
                if not chunk:
                    break
                message.body += chunk
            message.trailers = self.read_fields()
        elif message.get("Content-Length") is not None:
            message.body = self.read_exactly(int(message.get("Content-Length")))
        elif is_response:
            try:
                while True:
                    self.fill()
            except Broken:
                message.body, self.buffer = self.buffer, b""

    def read_request(self):
        message = self.read_head()
        self.read_body(message, False)
        return message

    def read_response(self, to_head=False):
        message = self.read_head()
        self.read_body(message, True, to_head)
        return message

    def at_end(self):
        """True when the peer has closed (waits for it); False when bytes come instead."""
        try:
            return not self.buffer and self.sock.recv(1) == b""
        except ConnectionResetError:
            return True

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def close(self, reset=False):
        if reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def make_certificate(folder, name="kn-user-ns"):
    """tls.crt and tls.key, self-signed, with `name` as DNS name."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "1", "-subj", "/CN=" + name, "-addext", "subjectAltName=DNS:" + name,
         "-keyout", os.path.join(folder, "tls.key"), "-out", os.path.join(folder, "tls.crt")],
        check=True, capture_output=True)


class App:
    """The application: `handler(app, connection)` runs for every connection in its own thread.

    The default handler reads requests, keeps them in `requests`, and answers each with what
    `respond(request, connection)` sends.
    """

    def __init__(self, respond=None, handler=None, port=0):
        self.respond = respond or (lambda request, connection: connection.answer(OK))
        self.handler = handler or App.serve
        self.lock = threading.Lock()
        self.requests = []
        self.connections = []
        self.inside = 0
        self.at_once_max = 0
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            connection = Connection(sock)
            with self.lock:
                self.connections.append(connection)
            threading.Thread(target=self.run, args=(connection,), daemon=True).start()

    def run(self, connection):
        try:
            self.handler(self, connection)
        except (OSError, Broken, ValueError):
            pass
        finally:
            connection.sock.close()

    def serve(self, connection):
        while True:
            request = connection.read_request()
            if self.work(request, connection, self.respond) is False:
                return

    def work(self, request, connection, respond):
        """`respond` with the request counted as inside, until it answers or returns."""
        self.enter(request)
        inside = [True]

        def end():
            if inside:
                inside.pop()
                self.leave()
        connection.work_ended = end
        try:
            return respond(request, connection)
        finally:
            end()

    def enter(self, request):
        with self.lock:
            self.requests.append(request)
            self.inside += 1
            self.at_once_max = max(self.at_once_max, self.inside)

    def leave(self):
        with self.lock:
            self.inside -= 1

    def close(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for connection in self.connections:
            try:
                connection.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Gate:
    """Holds application threads until the test lets them go."""

    def __init__(self):
        self.semaphore = threading.Semaphore(0)

    def wait(self):
        assert self.semaphore.acquire(timeout=DEADLINE), "nobody opened the gate"

    def open(self, count=1):
        for _ in range(count):
            self.semaphore.release()


class QueueProxy:
    def __init__(self, app_port, environment=None, wait=True):
        names = ("QUEUE_SERVING_PORT", "QUEUE_SERVING_TLS_PORT", "SLUICE_ADMIN_PORT",
                 "SLUICE_STATS_PORT", "SLUICE_METRICS_PORT")
        self.reserved = free_ports(len(names))
        ports = dict(zip(names, self.reserved))
        self.port = ports["QUEUE_SERVING_PORT"]
        self.admin = ports["SLUICE_ADMIN_PORT"]
        self.stats = ports["SLUICE_STATS_PORT"]
        self.metrics = ports["SLUICE_METRICS_PORT"]
        env = {
            "CONTAINER_CONCURRENCY": "1", "USER_PORT": str(app_port),
            "REVISION_TIMEOUT_SECONDS": "300", "SERVING_LOGGING_CONFIG": "",
            "SERVING_LOGGING_LEVEL": "", "SERVING_NAMESPACE": "ns", "SERVING_SERVICE": "svc",
            "SERVING_CONFIGURATION": "conf", "SERVING_REVISION": "rev", "SERVING_POD": "pod-1",
            "SERVING_POD_IP": "10.0.0.1", "SLUICE_BIND_ADDRESS": "127.0.0.1",
            "SLUICE_DRAIN_QUIET": "0s",
            "SERVING_READINESS_PROBE": "",
        }
        env.update({name: str(port) for name, port in ports.items()})
        env.update(environment or {})
        env = {name: value for name, value in env.items() if value is not None}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                env[name] = os.environ[name]
        self.process = subprocess.Popen([BINARY], env=env, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, bufsize=1)
        self.out = []
        self.err = []
        self.readers = [threading.Thread(target=self.collect, args=pair, daemon=True)
                        for pair in ((self.process.stdout, self.out),
                                     (self.process.stderr, self.err))]
        for reader in self.readers:
            reader.start()
        if wait:
            wait_for(lambda: self.logged('"started"') or self.process.poll() is not None,
                     "the queue-proxy to start")
            if self.process.poll() is not None:
                self.close()
                raise AssertionError("".join(self.err))

    @staticmethod
    def collect(stream, lines):
        for line in stream:
            lines.append(line)

    def logged(self, text):
        return [line for line in self.err if text in line]

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def exit_code(self, deadline=DEADLINE):
        code = self.process.wait(timeout=deadline)
        for reader in self.readers:
            reader.join(DEADLINE)
        return code

    def connect(self, port=None):
        return Connection(socket.create_connection(("127.0.0.1", port or self.port), DEADLINE))

    def memory_kb(self):
        with open("/proc/%d/status" % self.process.pid) as status:
            for line in status:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1])

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for reader in self.readers:
            reader.join(DEADLINE)
        self.process.stdout.close()
        self.process.stderr.close()
        release(self.reserved)
        self.reserved = []



def request_text(method="GET", target="/", headers=(), body=None, host="app.example.com"):
    lines = ["%s %s HTTP/1.1" % (method, target)]
    if host is not None:
        lines.append("Host: " + host)
    lines += ["%s: %s" % pair for pair in headers]
    if body is not None:
        lines.append("Content-Length: %d" % len(body))
    return "\r\n".join(lines) + "\r\n\r\n" + (body or "")


PROBE = (("User-Agent", "Knative-Activator-Probe"), ("K-Network-Probe", "queue"))
TRY = (("Sluice-Try", "1"), ("K-Proxy-Request", "activator"))


UPGRADE = (("Connection", "Upgrade"), ("Upgrade", "websocket"))


def echo(app, connection):
    """Answers an upgrade and sends back what comes."""
    request = connection.read_request()
    app.enter(request)
    connection.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                    "Upgrade: websocket\r\n\r\n")
    try:
        while True:
            connection.send(connection.buffer)
            connection.buffer = b""
            connection.fill()
    finally:
        app.leave()


class QueueProxyTest(unittest.TestCase):
    """A queue-proxy with an application per test; everything ends with the test."""

    def start(self, respond=None, handler=None, environment=None, app=True):
        if app:
            self.app = App(respond, handler)
            self.addCleanup(self.app.close)
            port = self.app.port
        else:
            port = free_ports(1)[0]
        self.app_port = port
        if callable(environment):
            environment = environment(port)
        self.proxy = QueueProxy(port, environment)
        self.addCleanup(self.proxy.close)
        return self.proxy

    def connect(self, port=None):
        connection = self.proxy.connect(port)
        self.addCleanup(connection.close)
        return connection

    def ask(self, method="GET", target="/", headers=(), body=None, port=None, **more):
        """One request on a connection of its own."""
        connection = self.connect(port)
        connection.send(request_text(method, target, headers, body, **more))
        return connection.read_response(to_head=method == "HEAD")

    def begin(self, method="GET", target="/", headers=(), body=None, **more):
        """A request whose answer is not waited for yet."""
        connection = self.connect()
        connection.send(request_text(method, target, headers, body, **more))
        return connection

    def plain_error(self, response, status, message):
        self.assertEqual(response.status, status)
        self.assertEqual(response.body.decode(), message + "\n")
        self.assertEqual(response.get("Content-Type"), "text/plain; charset=utf-8")
        self.assertEqual(response.get("X-Content-Type-Options"), "nosniff")

    def wait_inside(self, count):
        wait_for(lambda: self.app.inside == count, "%d inside the application" % count)

    def slots(self, state):
        """A value of sluice_slots, from the metrics port."""
        return self.metric('sluice_slots{state="%s"}' % state)

    def metric(self, series):
        text = self.ask(target="/metrics", port=self.proxy.metrics).body.decode()
        for line in text.splitlines():
            if line.startswith(series + " "):
                return float(line.rsplit(" ", 1)[1])
        return None
