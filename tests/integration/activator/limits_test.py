"""Clients that mean harm, or mean well in great numbers: what they may take of the activator, and
that somebody else is served meanwhile.

Memory is the process's resident set, CPU its own CPU time: neither depends on how busy the machine
is. The caps are those of SECURITY.md; under a sanitizer, which keeps freed memory, four times them.
"""

import os
import resource
import socket
import subprocess
import unittest

from activator_harness import BINARY, ActivatorTest, revision
from harness import DEADLINE, App, Connection, request_text, wait_for

MIB = 1 << 20
SANITIZER_QUARANTINE = 256 * MIB  # its default


def sanitized():
    with open(BINARY, "rb") as file:
        return b"__asan_init" in file.read()


def raise_open_files():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


class Plain(App):
    """A pod that answers at once; /big with 8 MiB."""

    name = "sd-a"

    def __init__(self):
        super().__init__(respond=self.answer)

    @staticmethod
    def answer(request, connection):
        body = "queue" if request.get("K-Network-Probe") else request.target
        if request.target == "/big":
            body = "x" * (8 * MIB)
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    def entry(self):
        return {"name": self.name, "address": "127.0.0.1:%d" % self.port}


class Flood(ActivatorTest):
    def begin_with(self, *arguments, annotations=None):
        self.backend = Plain()
        self.addCleanup(self.backend.close)
        self.clients = []
        self.addCleanup(lambda: [client.close() for client in self.clients])
        self.start([revision([self.backend], concurrency=0, annotations=annotations)], *arguments)
        self.wait_ready(1)
        self.served()  # what is made once is made
        self.memory_before = self.memory()

    def memory(self):
        with open("/proc/%d/status" % self.activator.process.pid, encoding="ascii") as status:
            return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmRSS:"))

    def cpu_seconds(self):
        with open("/proc/%d/stat" % self.activator.process.pid, encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def grows_at_most(self, cap):
        grown = self.memory() - self.memory_before
        # AddressSanitizer keeps what was freed for a while, and pads what is in use.
        allowed = 4 * cap + SANITIZER_QUARANTINE if sanitized() else cap
        self.assertLess(grown, allowed, "%.1f MiB" % (grown / MIB))

    def connect_from(self, address="127.0.0.1"):
        sock = socket.create_connection(("127.0.0.1", self.activator.port), DEADLINE, (address, 0))
        self.clients.append(sock)
        return sock

    def served(self, address="127.0.0.2"):
        """Somebody else asks and is answered."""
        connection = Connection(socket.create_connection(("127.0.0.1", self.activator.port), DEADLINE, (address, 0)))
        connection.send(request_text(target="/else"))
        response = connection.read_response()
        connection.close()
        self.assertEqual((response.status, response.body), (200, b"/else"))

    def counter(self, name):
        connection = self.activator.connect(self.activator.admin)
        connection.send(request_text(target="/metrics"))
        text = connection.read_response().body.decode()
        connection.close()
        return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(name + " "))


class Connections(Flood):
    def test_slowloris_holds_no_place_that_somebody_needs(self):
        self.begin_with("--max-connections", "50", "--max-connections-per-client", "0")
        for _ in range(80):
            self.connect_from().sendall(b"GET /slow HTTP/1.1\r\nHost: h\r\nX: ")
        self.served()
        wait_for(lambda: self.counter("sluice_client_connections_evicted_total") >= 30, "thirty to be closed")
        self.assertEqual(self.counter("sluice_client_connections_refused_total"), 0)
        self.assertEqual(self.activator.revision()["totals"]["requests"], 2)

    def test_a_head_must_end_in_time(self):
        self.begin_with("--header-timeout", "1s")
        connection = Connection(self.connect_from())
        connection.send("GET /slow HTTP/1.1\r\nHost: h\r\n")
        self.assertEqual(connection.read_response().status, 400)
        self.assertTrue(connection.at_end())

    def test_an_idle_connection_ends(self):
        self.begin_with("--keep-alive-timeout", "1s")
        connection = Connection(self.connect_from())
        connection.send(request_text(target="/a"))
        self.assertEqual(connection.read_response().status, 200)
        self.assertTrue(connection.at_end())

    def test_a_flood_of_one_address(self):
        self.begin_with("--max-connections", "100")
        for _ in range(3000):
            self.connect_from()
            if len(self.clients) > 200:
                self.clients.pop(0).close()
        self.served()
        self.assertLessEqual(self.activator.status()["connections"], 52)
        self.grows_at_most(8 * MIB)

    def test_the_admin_port_has_room_for_sixty_four(self):
        self.begin_with()
        for _ in range(70):
            sock = socket.create_connection(("127.0.0.1", self.activator.admin), DEADLINE)
            self.clients.append(sock)
        self.assertEqual(self.activator.status()["connections"], 0)  # the 71st is served
        for sock in self.clients[:6]:
            self.assertEqual(sock.recv(1), b"")
        self.clients[-1].setblocking(False)
        self.assertRaises(BlockingIOError, self.clients[-1].recv, 1)

    def test_ten_thousand_idle_connections(self):
        hard = raise_open_files()
        count = min(10_000, hard // 2 - 32)
        if count < 9000:
            self.skipTest("%d open files are not enough" % hard)
        self.begin_with("--max-connections-per-client", "0")
        for i in range(count):
            sock = self.connect_from()
            if i % 2:
                sock.sendall(request_text(target="/once").encode())
        wait_for(lambda: self.activator.status()["connections"] >= count - 32, "all to be connected")
        wait_for(lambda: self.activator.revision()["totals"]["requests"] >= count // 2, "every second to be served")
        self.grows_at_most(100 * MIB)
        before = self.cpu_seconds()
        for _ in range(100):
            self.served()
        self.assertLess(self.cpu_seconds() - before, 3)


class Bytes(Flood):
    def test_heads_at_the_limit_and_beyond(self):
        self.begin_with("--max-header-bytes", "4Ki", "--max-uri-bytes", "2Ki")

        def ask(target, size):
            text = request_text(target=target, headers=(("X", ""),))
            return self.ask(target=target, headers=(("X", "x" * (size - len(text))),)).status
        with self.subTest("the activator's own field count"):
            self.assertEqual(ask("/else", 4096 - 13), 200)
        self.assertEqual(ask("/else", 5000), 431)
        self.assertEqual(self.ask(target="/" + "u" * 2047).status, 200)
        self.assertEqual(self.ask(target="/" + "u" * 2048).status, 414)

    def test_fields_at_the_limit_and_beyond(self):
        self.begin_with()
        fields = [("X", "1")] * 999  # and Host
        self.assertEqual(self.ask(target="/else", headers=fields).status, 200)
        self.assertEqual(self.ask(target="/else", headers=fields + [("X", "1")]).status, 431)

    def test_header_bombs_share_a_bound(self):
        self.begin_with("--max-connections-per-client", "0")
        bomb = b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 60_000
        for _ in range(1600):  # 92 MiB in all
            self.connect_from().sendall(bomb)
        self.served()
        wait_for(lambda: any(self.has_answer(client) for client in self.clients), "one to be refused")
        self.grows_at_most(160 * MIB)

    @staticmethod
    def has_answer(sock):
        try:
            return sock.recv(12, socket.MSG_PEEK | socket.MSG_DONTWAIT).startswith(b"HTTP/1.1 431")
        except OSError:
            return False

    def test_cookie_bombs_cost_little(self):
        self.begin_with(annotations={"serving.knative.dev.alibabacloud/affinity": "cookie"})
        names = "; ".join("sluice=AQ" + "A" * 42 for _ in range(1150))
        other = "; ".join("c%d=x" % i for i in range(7000))
        before = self.cpu_seconds()
        for value in (names, other):
            for _ in range(50):
                response = self.ask(target="/else", headers=(("Cookie", value),))
                self.assertEqual(response.status, 200)
                self.assertIsNotNone(response.get("Set-Cookie"))  # none of them was believed
        self.assertLess(self.cpu_seconds() - before, 4 if sanitized() else 1.5)
        self.grows_at_most(16 * MIB)

    def test_a_connection_field_that_lists_thousands_costs_little(self):
        self.begin_with()
        fields = [("x-%d" % i, "1") for i in range(900)]
        fields.append(("Connection", ", ".join("y%d" % i for i in range(6000))))
        before = self.cpu_seconds()
        for _ in range(20):
            self.assertEqual(self.ask(target="/else", headers=fields).status, 200)
        self.assertLess(self.cpu_seconds() - before, 4 if sanitized() else 1)

    def test_slow_readers_hold_little(self):
        self.begin_with()
        for _ in range(40):  # 320 MiB of answers
            self.connect_from().sendall(request_text(target="/big").encode())
        wait_for(lambda: self.activator.revision()["running"] == 40, "all to run")
        self.served()
        self.grows_at_most(24 * MIB)


class CommandLine(unittest.TestCase):
    def said(self, *arguments):
        done = subprocess.run([BINARY, "--pods", "/nothing", *arguments], capture_output=True, text=True,
                              timeout=DEADLINE, check=False)
        return done.returncode, done.stderr

    def test_wrong_limits_are_said_in_one_line(self):
        for flag, value, valid in (
                ("--max-connections", "-1", "an integer from 0 (no limit) to 10000000"),
                ("--max-connections-per-client", "many", "an integer from 0 (no limit) to 10000000"),
                ("--max-requests-per-connection", "1.5", "an integer from 0 (no limit) to 10000000"),
                ("--max-header-bytes", "1023", "a size from 1Ki to 10Mi"),
                ("--max-uri-bytes", "11Mi", "a size from 1Ki to 10Mi"),
                ("--header-timeout", "0s", "a duration from 1s to 24h"),
                ("--keep-alive-timeout", "25h", "a duration from 0s to 24h")):
            with self.subTest(flag=flag):
                code, text = self.said(flag, value)
                self.assertEqual(code, 64)
                self.assertIn(flag, text)
                self.assertIn('"%s" is not %s' % (value, valid), text)
                self.assertEqual(text.count("\n"), 1)
