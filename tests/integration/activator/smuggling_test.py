"""Nobody can make two of us disagree about where a request ends.

Every case of smuggling_cases.py goes through the activator and a queue-proxy, and to a queue-proxy
alone, to each back end of smuggling_backends.py. All must see the same requests, and a request that
follows on another connection must get its own answer: a poisoned connection to the back end would
give it another's.
"""

from activator_harness import ActivatorTest, revision
from harness import Broken, QueueProxy, request_text, wait_for
from smuggling_backends import BACKENDS, Reader
from smuggling_cases import cases

REFUSALS = (400, 405, 431, 501, 502, 505)


class Pod:
    name = "sd-a"

    def __init__(self, backend):
        self.backend = backend
        self.proxy = QueueProxy(backend.port)

    def entry(self):
        return {"name": self.name, "address": "127.0.0.1:%d" % self.proxy.port}

    def close(self):
        self.proxy.close()


class Smuggling(ActivatorTest):
    def begin_backend(self, kind):
        if kind.missing:
            self.skipTest(kind.missing)
        self.backend = kind()
        self.addCleanup(self.backend.close)
        self.pod = Pod(self.backend)
        self.addCleanup(self.pod.close)
        self.after = 0

    def refused(self, connection):
        """An answer that says so, or the end of the connection; never a success."""
        try:
            response = connection.read_response()
            self.assertIn(response.status, REFUSALS)
            self.assertTrue(connection.at_end(), "bytes behind a refusal")
        except (Broken, ConnectionResetError):
            pass

    def send(self, connect, data, expected):
        connection = connect()
        try:
            connection.send(data)
            if not expected:
                self.refused(connection)
            for request in expected:
                if request is None:
                    self.refused(connection)
                    continue
                response = connection.read_response()
                self.assertEqual((response.status, response.body.decode()), (200, request[1]))
        finally:
            connection.close()

    def follow(self, connect):
        """A request of somebody else, right after; returns its target."""
        self.after += 1
        target = "/after/%d" % self.after
        connection = connect()
        connection.send(request_text(target=target))
        response = connection.read_response()
        connection.close()
        self.assertEqual((response.status, response.body.decode()), (200, target))
        return target

    def run_cases(self, connect):
        # A back end may answer before it has said what it saw.
        target = self.follow(connect)
        wait_for(lambda: [one[1] for one in self.backend.seen()] == [target], "the first request")
        count = 0
        for name, data, expected in cases():
            with self.subTest(case=name, backend=self.backend.name):
                before = len(self.backend.seen())
                self.send(connect, data, expected)
                target = self.follow(connect)
                wanted = [r for r in expected if r] + [("GET", target, b"")]
                wait_for(lambda: len(self.backend.seen()) >= before + len(wanted), "the back end to say what it saw")
                self.assertEqual(self.backend.seen()[before:], wanted)
            count += 1
        self.assertGreater(count, 150)
        if isinstance(self.backend, Reader):
            self.assertEqual(self.backend.forbidden_trailers(), [])

    def through_both(self, kind):
        self.begin_backend(kind)
        self.start([revision([self.pod])])
        self.wait_ready(1)
        self.run_cases(self.activator.connect)

    def through_the_sidecar(self, kind):
        self.begin_backend(kind)
        self.run_cases(self.pod.proxy.connect)


def add_tests():
    for kind in BACKENDS:
        setattr(Smuggling, "test_activator_and_queue_proxy_to_" + kind.name,
                lambda self, kind=kind: self.through_both(kind))
        setattr(Smuggling, "test_queue_proxy_to_" + kind.name,
                lambda self, kind=kind: self.through_the_sidecar(kind))


add_tests()
