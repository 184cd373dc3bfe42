"""What the tests of `sluice up` share: a service file, a running sluice, clients, and a look at what is left.

A test says what it waits for and never sleeps for it: `wait_for` polls under a deadline that is far longer than
anything should take, so that a slow machine does not fail a test. Lower bounds on time are allowed, upper ones are not.
Every process that sluice starts carries a mark in its environment; after each test nothing with that mark may run.
Jobs of the stand-in are long, and are ended by `interrupt` when the test has seen what it came for.
"""
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import uuid
import warnings

ROOT = pathlib.Path(__file__).resolve().parents[3]
MARK = "SLUICE_TEST_MARK"
PROBLEM_TYPE = "application/problem+json"
TXT2IMG = "/sdapi/v1/txt2img"
LONG = 120_000  # ms: a job that only `interrupt` ends within a test
TROUBLE = re.compile(r"Sanitizer|runtime error:|CHECK failed|terminate called", re.IGNORECASE)


class Binaries:
    """Where the programs are, and how patient to be with them."""

    folder = pathlib.Path()
    sanitized = False
    deadline = 30.0

    @classmethod
    def use(cls, folder):
        cls.folder = pathlib.Path(folder).resolve()
        cls.sanitized = b"__asan_init" in (cls.folder / "sluice").read_bytes()
        slowness = float(os.environ.get("SLUICE_TEST_SLOWNESS", "4" if cls.sanitized else "1"))
        cls.deadline *= slowness


def program(name):
    return str(Binaries.folder / name)


def wait_for(condition, what, deadline=None):
    """Polls until `condition()` is true, and returns what it returned. Exceptions of sockets count as not yet."""
    end = time.monotonic() + (deadline or Binaries.deadline)
    while True:
        try:
            result = condition()
        except (OSError, http.client.HTTPException):
            result = None
        if result:
            return result
        if time.monotonic() > end:
            said = what() if callable(what) else what
            raise AssertionError(f"timed out waiting for {said}")
        time.sleep(0.01)


# --- Service files. JSON is YAML.


def service(name="demo", *, args=(), command=None, annotations=None, service_annotations=None, concurrency=1,
            container=None, spec=None):
    """One Service whose container is the stand-in (or `command`), from zero to three pods."""
    template = {"autoscaling.knative.dev/max-scale": "3", "autoscaling.knative.dev/window": "6s",
                "autoscaling.knative.dev/target-utilization-percentage": "100"}
    template.update(annotations or {})
    one = {"name": "app", "image": "none",
           "command": list(command or [program("sd-standin")]),
           "args": [*(["--port", "$(PORT)"] if command is None else []), *args],
           "ports": [{"containerPort": 7860}],
           "readinessProbe": {"tcpSocket": {"port": 7860}}}
    one.update(container or {})
    inner = {"containerConcurrency": concurrency, "containers": [one]}
    inner.update(spec or {})
    return {"apiVersion": "serving.knative.dev/v1", "kind": "Service",
            "metadata": {"name": name, "annotations": dict(service_annotations or {})},
            "spec": {"template": {"metadata": {"annotations": template}, "spec": inner}}}


def autoscaler(**data):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "config-autoscaler"},
            "data": {name.replace("_", "-"): value for name, value in data.items()}}


def cookies(name="sd", timeout=1800):
    prefix = "serving.knative.dev.alibabacloud/"
    return {prefix + "affinity": "cookie", prefix + "cookie-name": name, prefix + "cookie-timeout": str(timeout)}


WARM = {"autoscaling.knative.dev/min-scale": "1"}
ONE_POD = {"autoscaling.knative.dev/max-scale": "1"}


# --- Clients.


class Reply:
    def __init__(self, status, headers, body, version=11):
        self.status, self.headers, self.body, self.version = status, headers, body, version

    def header(self, name):
        """All values of this field, as one text; "" if there is none."""
        return ", ".join(value for key, value in self.headers if key.lower() == name.lower())

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def json(self):
        return json.loads(self.body)

    def cookie(self, name="sd"):
        """The value that Set-Cookie gives this cookie; None if it gives none."""
        for text in self.all("Set-Cookie"):
            found = re.match(re.escape(name) + "=([^;]*)", text)
            if found:
                return found[1]
        return None

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:300]!r}>"


def call(address, method, target, body=None, headers=None):
    connection = http.client.HTTPConnection(*address, timeout=Binaries.deadline)
    try:
        if isinstance(body, dict):
            body = json.dumps(body)
        connection.request(method, target, body, headers or {})
        answer = connection.getresponse()
        return Reply(answer.status, answer.getheaders(), answer.read(), answer.version)
    finally:
        connection.close()


class Call:
    """A request in a thread of its own; `reply()` waits for its answer, or raises what the client met."""

    def __init__(self, *request, **more):
        self.answer = self.failure = None
        self.thread = threading.Thread(target=self.run, args=request, kwargs=more, daemon=True)
        self.thread.start()

    def run(self, *request, **more):
        try:
            self.answer = call(*request, **more)
        except (OSError, http.client.HTTPException) as failure:
            self.failure = failure

    def done(self):
        return not self.thread.is_alive()

    def reply(self):
        self.thread.join(Binaries.deadline)
        if self.thread.is_alive():
            raise AssertionError("no answer in time")
        if self.failure:
            raise self.failure
        return self.answer


class Wire:
    """A raw connection: bytes out, bytes in, and an HTTP/1 message reader that hides nothing."""

    def __init__(self, address):
        self.socket = socket.create_connection(address, timeout=Binaries.deadline)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def more(self):
        piece = self.socket.recv(65536)
        self.buffer += piece
        return bool(piece)

    def read_until(self, end):
        while end not in self.buffer:
            if not self.more():
                raise AssertionError(f"closed after {self.buffer!r}")
        text, self.buffer = self.buffer.split(end, 1)
        return text + end

    def read_exactly(self, count):
        while len(self.buffer) < count:
            if not self.more():
                raise AssertionError(f"closed {count - len(self.buffer)} bytes early")
        text, self.buffer = self.buffer[:count], self.buffer[count:]
        return text

    def read_to_end(self):
        while self.more():
            pass
        text, self.buffer = self.buffer, b""
        return text

    def head(self):
        lines = self.read_until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, status = lines[0].split(" ")[:2]
        fields = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:] if line]
        return Reply(int(status), fields, b"", 11 if version == "HTTP/1.1" else 10)

    def chunk(self):
        """The next chunk's content; b"" is the last one, whose trailers are not read yet."""
        size = int(self.read_until(b"\r\n").split(b";")[0], 16)
        return self.read_exactly(size + 2)[:-2] if size else b""

    def reply(self, method="GET"):
        """A whole answer; interim ones are left out."""
        reply = self.head()
        while reply.status < 200 and reply.status != 101:
            reply = self.head()
        if method == "HEAD" or reply.status in (204, 304):
            return reply
        if "chunked" in reply.header("Transfer-Encoding"):
            while piece := self.chunk():
                reply.body += piece
            reply.trailers = self.read_until(b"\r\n").decode("latin-1")
            while not reply.trailers.endswith("\r\n\r\n") and reply.trailers != "\r\n":
                reply.trailers += self.read_until(b"\r\n").decode("latin-1")
        elif reply.header("Content-Length"):
            reply.body = self.read_exactly(int(reply.header("Content-Length")))
        else:
            reply.body = self.read_to_end()
        return reply


# --- Processes.


def marked_processes(mark):
    """Names of all processes that inherited this mark, by pid."""
    found = {}
    text = f"{MARK}={mark}".encode()
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if text in (folder / "environ").read_bytes().split(b"\0"):
                found[int(folder.name)] = (folder / "comm").read_text().strip()
        except OSError:
            continue  # ended meanwhile, or not ours
    return found


def resident_kib(pid):
    """The most memory that this process ever had."""
    return int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1])


class Output:
    """The lines of a pipe, as they come, with their times."""

    def __init__(self, pipe):
        self.lines, self.times = [], []
        self.thread = threading.Thread(target=self.read, args=(pipe,), daemon=True)
        self.thread.start()

    def read(self, pipe):
        with pipe:
            for line in pipe:
                self.times.append(time.monotonic())
                self.lines.append(line.rstrip("\n"))

    def find(self, pattern):
        return [found for line in list(self.lines) if (found := re.search(pattern, line))]


class Sluice:
    """A running `sluice up` with ports of the kernel's choice."""

    def __init__(self, folder, documents, *flags, env=None, listen="127.0.0.1:0", admin="127.0.0.1:0"):
        self.folder = folder
        self.mark = uuid.uuid4().hex
        self.stats_folder = folder / "stats"
        self.stats_folder.mkdir(exist_ok=True)
        self.file = folder / "service.yaml"
        if not isinstance(documents, str):
            documents = "\n---\n".join(json.dumps(document, indent=1) for document in documents)
        self.file.write_text(documents)
        command = [program("sluice"), "up", str(self.file), "--listen", listen, "--admin", admin, *flags]
        clean = {name: value for name, value in os.environ.items() if name != "PORT"}
        clean.update({MARK: self.mark, "STANDIN_STATS_DIR": str(self.stats_folder)}, **(env or {}))
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        errors="replace", env=clean)
        self.out, self.err = Output(self.process.stdout), Output(self.process.stderr)

    def started(self):
        """Waits for the greeting and knows the addresses from then on."""
        self.address = self.address_in(r"^serving \S+ at http://([\d.]+):(\d+)")
        self.admin = self.address_in(r"^admin at http://([\d.]+):(\d+)")
        return self

    def address_in(self, pattern):
        found = wait_for(lambda: self.process.poll() is not None or self.out.find(pattern), "the greeting")
        if found is True:
            raise AssertionError(f"sluice ended with {self.process.poll()}: {self.transcript()}")
        return found[0][1], int(found[0][2])

    # What it says.

    def transcript(self):
        return "\n".join(["", *self.out.lines[-80:], "stderr:", *self.err.lines[-40:]])

    def wait_line(self, pattern, count=1):
        """Waits until so many lines match; returns the matches."""
        def enough():
            found = self.out.find(pattern)
            return found if len(found) >= count else None
        return wait_for(enough, lambda: f"{count} × {pattern!r} in{self.transcript()}")

    def status(self, service_name=None):
        for revision in call(self.admin, "GET", "/api/status").json()["revisions"]:
            if service_name in (None, revision["service"]):
                return revision
        raise AssertionError(f"no service {service_name} in /api/status")

    def wait_status(self, what, service_name=None, **wanted):
        """Waits until the numbers of /api/status are these; `pods` is the count of pods."""
        def reached():
            status = self.status(service_name)
            status["pods"] = len(status["pods"])
            return status if all(status[name] == value for name, value in wanted.items()) else None
        return wait_for(reached, lambda: f"{what} ({wanted}); now {self.status(service_name)}{self.transcript()}")

    def pods_created(self):
        return [found[1] for found in self.out.find(r"^pod (\S+): starting$")]

    # Requests.

    def call(self, method, target, body=None, headers=None):
        return call(self.address, method, target, body, headers)

    def post(self, prompt, ms=0, headers=None):
        return self.call("POST", f"{TXT2IMG}?ms={ms}", {"prompt": prompt, "width": 8, "height": 8}, headers)

    def start(self, method, target, body=None, headers=None):
        return Call(self.address, method, target, body, headers)

    def start_job(self, prompt, ms=LONG, headers=None):
        return self.start("POST", f"{TXT2IMG}?ms={ms}", {"prompt": prompt, "width": 8, "height": 8}, headers)

    def wire(self):
        return Wire(self.address)

    # The stand-ins, past sluice.

    def stats(self):
        """What each stand-in last wrote about itself, by pod; those of pods that are gone, too."""
        found = {}
        for file in self.stats_folder.glob("*.json"):
            found[file.stem] = json.loads(file.read_text())
        return found

    def app(self, pod):
        """The address of this pod's stand-in; a restarted one says it anew."""
        pattern = rf"^\[{re.escape(pod)}\] Running on local URL: +http://([\d.]+):(\d+)"
        found = self.wait_line(pattern)[-1]
        return found[1], int(found[2])

    def jobs(self, pod):
        return call(self.app(pod), "GET", "/standin/jobs").json()

    def running(self, pods):
        """The prompts of the jobs that these pods have now, by prompt: the pod."""
        found = {}
        for pod in pods:
            for job in self.jobs(pod):
                if job["finished_at"] is None:
                    found[job["prompt"]] = pod
        return found

    def wait_running(self, pods, count):
        def reached():
            found = self.running(pods)
            return found if len(found) == count else None
        return wait_for(reached, lambda: f"{count} running jobs: {self.transcript()}")

    def interrupt(self, pod, ask=None):
        """Ends the job of this pod; there must be one, or soon be. `ask`: how, if not by asking the stand-in itself.

        The stand-in, as the web UI, forgets an interrupt that comes just before its job begins to work: then it is
        said again.
        """
        address = self.app(pod)
        ask = ask or (lambda: call(address, "POST", "/sdapi/v1/interrupt"))
        stats = wait_for(lambda: (now := call(address, "GET", "/standin/stats").json())["holding_now"] == 1 and now,
                         f"a job on {pod}")
        asked = [0.0]

        def ended():
            if call(address, "GET", "/standin/stats").json()["finished"] > stats["finished"]:
                return True
            if time.monotonic() > asked[0] + 1:
                ask()
                asked[0] = time.monotonic()
            return False
        wait_for(ended, f"the end of the job on {pod}")

    # Its end.

    def signal(self, number):
        self.process.send_signal(number)

    def wait_end(self):
        """Its exit status; its output is complete then."""
        try:
            code = self.process.wait(Binaries.deadline)
        except subprocess.TimeoutExpired:
            raise AssertionError("it did not end:" + self.transcript()) from None
        return code

    def left(self):
        return {pid: name for pid, name in marked_processes(self.mark).items() if pid != self.process.pid}

    def wait_nothing_left(self):
        wait_for(lambda: not self.left(), lambda: f"the end of {self.left()}")
        self.out.thread.join(Binaries.deadline)
        self.err.thread.join(Binaries.deadline)

    def clean_up(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pid in self.left():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


class Case(unittest.TestCase):
    """Each test has a folder, and ends with a check that what it started is gone and nothing complained."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-up-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def launch(self, *documents, flags=(), **more):
        """`sluice up` without waiting for anything; cleaned up, but not looked at, at the end."""
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        text = documents[0] if documents and isinstance(documents[0], str) else list(documents)
        sluice = Sluice(folder, text, *flags, **more)
        self.addCleanup(sluice.clean_up)
        return sluice

    def up(self, *documents, flags=(), **more):
        """`sluice up` that serves; at the end it is interrupted and must leave nothing."""
        sluice = self.launch(*documents, flags=flags, **more).started()
        self.addCleanup(self.check_end, sluice)
        return sluice

    def check_end(self, sluice):
        if sluice.process.poll() is None:
            sluice.signal(signal.SIGINT)
            self.assertEqual(sluice.wait_end(), 0, sluice.transcript())
        sluice.wait_nothing_left()
        trouble = [line for line in sluice.out.lines + sluice.err.lines if TROUBLE.search(line)]
        self.assertEqual(trouble, [], sluice.transcript())

    def warm(self, sluice, count):
        """Waits for so many ready pods; returns their names."""
        sluice.wait_status("warm pods", pods_ready=count)
        return [pod["name"] for pod in sluice.status()["pods"]]

    def assert_problem(self, reply, status, kind):
        self.assertEqual(reply.status, status, reply)
        self.assertEqual(reply.header("Content-Type"), PROBLEM_TYPE)
        problem = reply.json()
        self.assertTrue(problem["type"].endswith(kind), problem)
        self.assertEqual(problem["status"], status)
        self.assertTrue(problem["title"])
        self.assertTrue(problem["detail"])


def main():
    """usage: X_test.py FOLDER-OF-THE-BINARIES [unittest arguments]"""
    if len(sys.argv) < 2 or not (pathlib.Path(sys.argv[1]) / "sluice").exists():
        sys.exit(main.__doc__)
    Binaries.use(sys.argv.pop(1))
    warnings.simplefilter("error", ResourceWarning)
    unittest.main(verbosity=2)
