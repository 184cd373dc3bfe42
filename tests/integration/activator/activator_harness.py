"""The real activator, pods that the test scripts, and the file that names them.

Nothing sleeps and hopes: whatever needs time is polled with a deadline.
"""

import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
import unittest

from harness import App, Connection, DEADLINE, Gate, QueueProxy, free_ports, request_text, wait_for

BINARY = os.environ.get("ACTIVATOR", "")
HOST = "sd.default.example.com"


class Pod(App):
    """A queue-proxy played by the test: answers probes, and each request when its gate opens."""

    def __init__(self, name, ready=True, answer=None, port=0):
        self.name = name
        self.ready = ready
        self.answer = answer or self.wait_and_answer
        self.jobs = threading.Semaphore(0)
        self.probes = 0
        super().__init__(handler=Pod.serve, port=port)

    def serve(self, connection):
        while True:
            request = connection.read_head()
            if request.get("K-Network-Probe") == "queue":
                self.probes += 1
                self.say_readiness(connection)
                continue
            if self.work(request, connection, self.answer) is False:
                return

    def say_readiness(self, connection):
        if self.ready:
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nqueue")
        else:
            connection.send("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")

    def wait_and_answer(self, request, connection):
        connection.read_body(request, False)
        assert self.jobs.acquire(timeout=DEADLINE), "nobody let the job end"
        body = self.name
        connection.answer("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    def let_go(self, count=1):
        for _ in range(count):
            self.jobs.release()

    def entry(self):
        return {"name": self.name, "address": "127.0.0.1:%d" % self.port}


class Sidecar:
    """A pod of two programs: a real queue-proxy and an application of the test."""

    def __init__(self, name, environment=None):
        self.name = name
        self.gate = Gate()
        self.app = App(self.respond)
        self.proxy = QueueProxy(self.app.port, environment)

    def respond(self, request, connection):
        self.gate.wait()
        text = "%s %d" % (self.name, len(request.body))
        connection.answer("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text))

    def entry(self):
        return {"name": self.name, "address": "127.0.0.1:%d" % self.proxy.port}

    def metric(self, series):
        connection = self.proxy.connect(self.proxy.metrics)
        connection.send(request_text(target="/metrics"))
        text = connection.read_response().body.decode()
        connection.close()
        return [float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
                if line.startswith(series + " ")][0]

    def reserved(self):
        return self.metric("sluice_reservations")

    def granted(self):
        return self.metric('sluice_slots{state="granted"}')

    def close(self):
        self.gate.open(1000)
        self.app.close()
        self.proxy.close()


def revision(pods=(), service="sd", name=None, concurrency=1, annotations=None, **more):
    return {"namespace": "default", "service": service, "name": name or service + "-00001",
            "containerConcurrency": concurrency, "annotations": annotations or {},
            "pods": [pod.entry() for pod in pods], **more}


class Activator:
    environment = None  # this process's own
    prefix = ()  # a command that runs another one
    address = "127.0.0.1"  # the clients'; the admin port has the loopback's

    def __init__(self, folder, revisions, arguments=(), wait=True, pods_text=None, ports=None, address=address):
        self.address = address
        self.port, self.admin = ports or free_ports(2)
        self.file = os.path.join(folder, "pods-%d.json" % self.port)
        if pods_text is None:
            self.write(revisions)
        else:
            self.write_text(pods_text)
        command = [BINARY, "--listen", "%s:%d" % (address, self.port), "--admin",
                   "127.0.0.1:%d" % self.admin, "--pods", self.file, *arguments]
        if "--drain-delay" not in arguments:
            command += ["--drain-delay", "0s"]
        self.run(command, wait)

    def run(self, command, wait):
        self.process = subprocess.Popen([*self.prefix, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True, bufsize=1, env=self.environment)
        self.err = []
        self.reader = threading.Thread(target=self.collect, daemon=True)
        self.reader.start()
        if wait:
            wait_for(lambda: self.logged('"started"') or self.process.poll() is not None,
                     "the activator to start")
            if self.process.poll() is not None:
                self.close()
                raise AssertionError("".join(self.err))

    def collect(self):
        for line in self.process.stderr:
            self.err.append(line)

    def logged(self, text):
        return [line for line in self.err if text in line]

    def write(self, revisions):
        self.write_text(json.dumps({"revisions": revisions}))

    def write_text(self, text):
        """A reader sees the old file or the new one."""
        with open(self.file + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(self.file + ".new", self.file)

    def reload(self, revisions):
        before = len(self.logged('"pod_file"'))
        self.write(revisions)
        self.process.send_signal(signal.SIGHUP)
        wait_for(lambda: len(self.logged('"pod_file"')) > before, "the pod file to be taken over")

    def status(self):
        connection = self.connect(self.admin)
        connection.send(request_text(target="/api/status"))
        response = connection.read_response()
        connection.close()
        return json.loads(response.body)

    def revision(self, index=0):
        return self.status()["revisions"][index]

    def connect(self, port=None):
        address = "127.0.0.1" if port else self.address
        return Connection(socket.create_connection((address, port or self.port), DEADLINE))

    def files(self):
        return len(os.listdir("/proc/%d/fd" % self.process.pid))

    def exit_code(self, deadline=DEADLINE):
        code = self.process.wait(timeout=deadline)
        self.reader.join(DEADLINE)
        return code

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join(DEADLINE)
        self.process.stdout.close()
        self.process.stderr.close()


class ActivatorTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def pod(self, name, **more):
        pod = Pod(name, **more)
        self.addCleanup(pod.close)
        # Its threads do not outlive the test.
        self.addCleanup(pod.let_go, 1000)
        return pod

    def start(self, revisions, *arguments, **more):
        self.activator = Activator(self.folder, revisions, arguments, **more)
        self.addCleanup(self.activator.close)
        return self.activator

    def begin(self, method="GET", target="/", headers=(), body=None, host=HOST):
        connection = self.activator.connect()
        self.addCleanup(connection.close)
        connection.send(request_text(method, target, headers, body, host=host))
        return connection

    def ask(self, *arguments, **more):
        return self.begin(*arguments, **more).read_response()

    def wait_ready(self, count, index=0):
        wait_for(lambda: self.activator.revision(index)["pods_ready"] == count,
                 "%d pods to be ready" % count)

    def wait_state(self, index=0, **state):
        def reached():
            now = self.activator.revision(index)
            return all(now[name] == value for name, value in state.items())
        wait_for(reached, str(state))

    def wait_inside(self, pod, count=1):
        wait_for(lambda: pod.inside == count, "%d inside %s" % (count, pod.name))

    def problem(self, response, status, kind):
        self.assertEqual(response.status, status)
        self.assertEqual(response.get("Content-Type"), "application/problem+json")
        self.assertEqual(json.loads(response.body)["type"], "urn:sluice:problem:" + kind)
        self.assertNotIn(b"127.0.0.1", response.body)


class SidecarTest(ActivatorTest):
    def sidecar(self, name, environment=None):
        sidecar = Sidecar(name, environment)
        self.addCleanup(sidecar.close)
        return sidecar
