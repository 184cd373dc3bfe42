"""The autoscaler's stat server: a WebSocket that takes binary messages and answers pings."""

import base64
import hashlib
import socket
import struct
import threading


def fields(data):
    """(number, value) of a protobuf message: bytes, float or int."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        tag = varint()
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            yield number, varint()
        elif kind == 1:
            at += 8
            yield number, struct.unpack("<d", data[at - 8:at])[0]
        else:
            assert kind == 2, kind
            size = varint()
            at += size
            yield number, data[at - size:at]


def decode(data):
    """[(revision, pod, average, count)] of a WireStatMessages."""
    messages = []
    for _, message in fields(data):
        parts = dict(fields(message))
        stat = dict(fields(parts[3]))
        messages.append((parts[2].decode(), stat[1].decode(), stat.get(2, 0.0), stat.get(4, 0.0)))
    return messages


class FakeAutoscaler:
    def __init__(self, port=0):
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        self.lock = threading.Lock()
        self.messages = []  # each as decode() gives it
        self.raw = []
        self.connected = 0  # so far
        self.pings = 0
        self.masked = True  # every frame of the client was
        self.heads = []
        self.answers_pings = True
        self.wrong_accept = False
        self.connections = []
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.guarded, args=(connection,), daemon=True).start()

    def guarded(self, connection):
        try:
            self.serve(connection)
        except (OSError, EOFError):
            pass
        finally:
            connection.close()

    @staticmethod
    def exactly(connection, n):
        data = b""
        while len(data) < n:
            more = connection.recv(n - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def serve(self, connection):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.exactly(connection, 1)
        lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        key = next(line.split(": ", 1)[1] for line in lines if line.lower().startswith(
            "sec-websocket-key"))
        digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        accept = "wrong" if self.wrong_accept else base64.b64encode(digest).decode()
        connection.sendall(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                            "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n" %
                            accept).encode())
        with self.lock:
            self.connected += 1
            self.heads.append((lines[0], headers))
            self.connections.append(connection)
        while True:
            opcode, payload = self.frame(connection)
            with self.lock:
                if opcode == 2:
                    self.raw.append(payload)
                    self.messages.append(decode(payload))
                elif opcode == 9:
                    self.pings += 1
            if opcode == 9 and self.answers_pings:
                connection.sendall(bytes([0x8a, len(payload)]) + payload)
            if opcode == 8:
                return

    def frame(self, connection):
        first, second = self.exactly(connection, 2)
        self.masked = self.masked and second >= 0x80
        size = second & 0x7f
        if size == 126:
            size = struct.unpack(">H", self.exactly(connection, 2))[0]
        mask = self.exactly(connection, 4)
        payload = self.exactly(connection, size)
        return first & 0x0f, bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))

    def hang_up(self, code=1012):
        """Closes the connections as an autoscaler that restarts."""
        with self.lock:
            connections, self.connections = self.connections, []
        for connection in connections:
            connection.sendall(b"\x88\x02" + struct.pack(">H", code))

    def of(self, revision):
        """[(average, count)] of all reports on the revision so far."""
        with self.lock:
            return [(average, count) for message in self.messages
                    for name, _, average, count in message if name == revision]

    def close(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        with self.lock:
            for connection in self.connections:
                connection.close()
        self.thread.join()
