"""Both ends of HTTP/2 connections (with the h2 library), played by the test."""

import socket
import sys
import threading

from harness import DEADLINE, wait_for

# Debian's python3-h2 is pure Python; another python3 in PATH does not look where it is.
sys.path.append("/usr/lib/python3/dist-packages")
import h2.config  # noqa: E402
import h2.connection  # noqa: E402
import h2.events  # noqa: E402
import h2.exceptions  # noqa: E402
import h2.settings  # noqa: E402


class Stream:
    """What has come on one stream."""

    def __init__(self, number):
        self.number = number
        self.headers = None  # of the request, or the final ones of the response
        self.interim = []
        self.body = b""
        self.pieces = []
        self.trailers = None
        self.ended = False
        self.reset = None  # the code

    def get(self, name):
        return dict(self.headers).get(name)

    @property
    def status(self):
        return int(self.get(":status"))

    @property
    def grpc_status(self):
        return dict(self.trailers or self.headers).get("grpc-status")


class Peer:
    def __init__(self, sock, client_side, take_windows=True, settings=None):
        sock.settimeout(DEADLINE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock
        self.take_windows = take_windows
        self.lock = threading.RLock()
        self.streams = {}
        self.settings = None  # the other side's
        self.goaway = None
        self.closed = False
        config = h2.config.H2Configuration(client_side=client_side, header_encoding="utf-8",
                                           validate_outbound_headers=False,
                                           normalize_outbound_headers=False)
        self.h2 = h2.connection.H2Connection(config)
        if settings:
            self.h2.local_settings = h2.settings.Settings(client=client_side,
                                                          initial_values=settings)
        self.h2.initiate_connection()
        self.flush()

    def flush(self):
        with self.lock:
            data = self.h2.data_to_send()
            if data:
                self.sock.sendall(data)

    def headers(self, number, headers, end=False):
        with self.lock:
            self.h2.send_headers(number, headers, end_stream=end)
            self.flush()

    def data(self, number, data, end=False):
        """REQUIRES: the window is large enough."""
        with self.lock:
            while len(data) > self.h2.max_outbound_frame_size:
                self.h2.send_data(number, data[:self.h2.max_outbound_frame_size])
                data = data[self.h2.max_outbound_frame_size:]
            self.h2.send_data(number, data, end_stream=end)
            self.flush()

    def reset(self, number, code=8):
        with self.lock:
            self.h2.reset_stream(number, code)
            self.flush()

    def read(self):
        """Waits for bytes and takes them in; False at the end of the connection."""
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            self.closed = True
            return False
        with self.lock:
            for event in self.h2.receive_data(data):
                self.take(event)
            self.flush()
        return True

    def take(self, event):
        number = getattr(event, "stream_id", None)
        stream = self.streams.setdefault(number, Stream(number)) if number else None
        if isinstance(event, (h2.events.RequestReceived, h2.events.ResponseReceived)):
            stream.headers = event.headers
        elif isinstance(event, h2.events.InformationalResponseReceived):
            stream.interim.append(int(dict(event.headers)[":status"]))
        elif isinstance(event, h2.events.TrailersReceived):
            stream.trailers = event.headers
        elif isinstance(event, h2.events.DataReceived):
            stream.body += event.data
            stream.pieces.append(event.data)
            if self.take_windows and event.flow_controlled_length:
                self.h2.acknowledge_received_data(event.flow_controlled_length, number)
        elif isinstance(event, h2.events.StreamEnded):
            stream.ended = True
        elif isinstance(event, h2.events.StreamReset):
            stream.reset = event.error_code
        elif isinstance(event, h2.events.RemoteSettingsChanged):
            self.settings = {int(code): change.new_value
                             for code, change in event.changed_settings.items()}
        elif isinstance(event, h2.events.ConnectionTerminated):
            self.goaway = event.error_code
            if event.error_code == 0:
                # Unlike the library, RFC 9113 6.8 lets streams under way go on.
                self.h2.state_machine.state = h2.connection.ConnectionState.CLIENT_OPEN

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()


GRPC = [("content-type", "application/grpc"), ("te", "trailers")]


class Client(Peer):
    def __init__(self, port, sock=None, **more):
        super().__init__(sock or socket.create_connection(("127.0.0.1", port), DEADLINE), True,
                         **more)

    def begin(self, method="GET", path="/", headers=(), end=True, host="app.example.com"):
        """Sends a request's head; returns its stream."""
        with self.lock:
            number = self.h2.get_next_available_stream_id()
            self.streams[number] = Stream(number)
            self.headers(number, [(":method", method), (":scheme", "http"), (":authority", host),
                                  (":path", path), *headers], end)
            return self.streams[number]

    def until(self, condition, what):
        while not condition():
            assert self.read(), "the connection ended before " + what
        return condition()

    def finish(self, stream):
        self.until(lambda: stream.ended or stream.reset is not None, "the response's end")
        return stream

    def ask(self, *arguments, **more):
        return self.finish(self.begin(*arguments, **more))


class Http2App:
    """The application. `serve(peer, stream)` is called in the connection's thread for each request
    when it is whole, or, with `early`, when its head has come."""

    def __init__(self, serve=None, early=False, settings=None, port=0):
        self.serve = serve or Http2App.answer_ok
        self.early = early
        self.settings = settings
        self.lock = threading.Lock()
        self.requests = []  # (peer, stream)
        self.peers = []
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    @staticmethod
    def answer_ok(peer, stream):
        peer.headers(stream.number, [(":status", "200"), ("content-length", "2")])
        peer.data(stream.number, b"ok", end=True)

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.run, args=(sock,), daemon=True).start()

    def run(self, sock):
        peer = Peer(sock, False, settings=self.settings)
        with self.lock:
            self.peers.append(peer)
        told = set()
        try:
            while peer.read():
                for stream in list(peer.streams.values()):
                    ready = stream.headers and (self.early or stream.ended)
                    if not ready or stream.number in told:
                        continue
                    told.add(stream.number)
                    with self.lock:
                        self.requests.append((peer, stream))
                    self.serve(peer, stream)
        except (OSError, h2.exceptions.ProtocolError):
            pass

    def request(self, index=0):
        """The index-th request, once it has come."""
        return wait_for(lambda: len(self.requests) > index and self.requests[index],
                        "request %d at the application" % index)

    def close(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for peer in self.peers:
            peer.close()
