"""What an image must be, looked at from outside: its files, and how its program behaves without rights."""
import base64
import contextlib
import io
import json
import re
import subprocess
import tarfile
import tempfile
import pathlib

from engine import TestFailure, wait_until

MEGABYTE = 1_000_000
IMAGE_LIMIT = 20 * MEGABYTE  # issue 3, "Numbers"
TWO_PROGRAMS_LIMIT = 22 * MEGABYTE  # sluice's, which brings the queue-proxy along
QUEUE_PROXY_LIMIT = 6 * MEGABYTE  # likewise, stripped
USER = "65532:65532"  # as the Dockerfile says
ANY_USER = "12345:12345"
HARDENED = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
# A container has these from the engine, whatever its image holds.
FROM_ENGINE = re.compile(r"(\.dockerenv|dev(/.*)?|proc|sys|etc/(hostname|hosts|mtab|resolv\.conf))$")
LIBRARY = re.compile(r"(usr/)?lib(32|64)?/([^/]+/)*[^/]+\.so[.0-9]*$")
DEADLINE_S = 60
PROGRAMS = {"sluice": ["queue-proxy", "sluice"]}  # of the other images: the one they are named after


def expect(holds, what):
    if not holds:
        raise TestFailure(what)


# --- What is in it


def contents(engine, target):
    """Checks the image's size, user and files; returns (bytes of the image, bytes of its program)."""
    image = f"sluice/{target}"
    about = json.loads(engine.docker("image", "inspect", image).stdout)[0]
    limit = TWO_PROGRAMS_LIMIT if target in PROGRAMS else IMAGE_LIMIT
    expect(about["Size"] <= limit, f"{image} has {about['Size']} bytes; the limit is {limit}")
    expect(about["Config"]["User"] == USER, f"{image} runs as {about['Config']['User']!r}, not as {USER}")
    expect(about["Config"]["Entrypoint"] == [f"/{target}"], f"{image} starts {about['Config']['Entrypoint']}")
    files = files_of(engine, image)
    runnable = sorted(name for name, member in files.items()
                      if member.isfile() and member.mode & 0o111 and not LIBRARY.match(name))
    expect(runnable == PROGRAMS.get(target, [target]), f"{image} holds these programs: {runnable}")
    special = [name for name, member in files.items() if member.mode & 0o6000]
    expect(not special, f"{image} holds set-user files: {special}")
    if target == "queue-proxy":
        expect(files[target].size <= QUEUE_PROXY_LIMIT, f"{target} has {files[target].size} bytes")
    shell = engine.docker("run", "--rm", "--network", "none", "--entrypoint", "/bin/sh", image, "-c", "true",
                          check=False)
    expect(shell.returncode == 127, f"{image} runs /bin/sh (exit {shell.returncode})")
    return about["Size"], files[target].size


def files_of(engine, image):
    container = engine.docker("create", "--network", "none", image).stdout.strip()
    try:
        exported = subprocess.run(["docker", "export", container], env=engine.env, capture_output=True, check=True)
    finally:
        engine.docker("rm", container)
    with tarfile.open(fileobj=io.BytesIO(exported.stdout)) as archive:
        named = {member.name.rstrip("/"): member for member in archive}
    return {name: member for name, member in named.items() if not FROM_ENGINE.match(name)}


# --- How it runs


class Container:
    """A container without any right; `pod`: the container whose network (loopback only) it shares."""

    def __init__(self, engine, target, *arguments, pod=None, env=None, mounts=()):
        self.engine = engine
        words = ["run", "--detach", *HARDENED, "--user", ANY_USER,
                 "--network", f"container:{pod.id}" if pod else "none"]
        for name, value in (env or {}).items():
            words += ["--env", f"{name}={value}"]
        for source, place in mounts:
            words += ["--volume", f"{source}:{place}:ro"]
        self.id = engine.docker(*words, f"sluice/{target}", *arguments).stdout.strip()

    def state(self):
        return json.loads(self.engine.docker("container", "inspect", self.id).stdout)[0]["State"]

    def output(self):
        done = self.engine.docker("logs", self.id)
        return done.stdout + done.stderr

    def curl(self, *words):
        """Returns (status, body as bytes) of a request made inside the container's network; 0: no answer."""
        command = ["nsenter", "--net", "--target", str(self.state()["Pid"]), "curl", "--silent", "--max-time",
                   str(DEADLINE_S), "--write-out", "%{stderr}%{http_code}", *words]
        done = subprocess.run(command, capture_output=True, check=False)
        return int(done.stderr or b"0"), done.stdout

    def wait_until(self, holds, what):
        def holds_or_ended():
            expect(self.state()["Running"], f"ended before {what}: {self.output()[-2000:]}")
            return holds()
        wait_until(holds_or_ended, what, DEADLINE_S)

    def end(self):
        """SIGTERM as a cluster sends it: the program is process 1 and must end by itself, with status 0."""
        self.engine.docker("stop", "--time", "30", self.id)
        status = self.state()["ExitCode"]
        expect(status == 0, f"ended with {status} after SIGTERM: {self.output()[-2000:]}")
        self.remove()

    def remove(self):
        self.engine.docker("rm", "--force", self.id, check=False)


@contextlib.contextmanager
def containers(engine):
    """Hands out a function that starts containers; ends them in reverse order, and checks how they end."""
    started = []

    def start(*words, **more):
        started.append(Container(engine, *words, **more))
        return started[-1]
    try:
        yield start
        while started:
            started[-1].end()
            started.pop()
    finally:
        for container in started:
            container.remove()


def draws(container, port, path="/sdapi/v1/txt2img"):
    status, body = container.curl("--json", '{"prompt": "pretty dog"}', f"http://127.0.0.1:{port}{path}")
    expect(status == 200, f"status {status} for an image: {body[:500]!r}")
    image = base64.b64decode(json.loads(body)["images"][0])
    expect(image.startswith(b"\x89PNG\r\n"), "the image is no PNG")


def start_standin(start):
    app = start("sd-standin", "--port", "7860", "--service-ms", "50")
    app.wait_until(lambda: app.curl("http://127.0.0.1:7860/internal/ping")[0] == 200, "sd-standin answers")
    return app


def start_queue_proxy(start, app):
    """With the environment that a revision's controller writes (contract queue-proxy 1.2)."""
    probe = {"tcpSocket": {"port": 7860, "host": "127.0.0.1"}, "successThreshold": 1}
    proxy = start("queue-proxy", pod=app, env={
        "CONTAINER_CONCURRENCY": "1", "QUEUE_SERVING_PORT": "8012", "QUEUE_SERVING_TLS_PORT": "8112",
        "USER_PORT": "7860", "REVISION_TIMEOUT_SECONDS": "300", "SERVING_READINESS_PROBE": json.dumps(probe),
        "SERVING_LOGGING_CONFIG": "", "SERVING_LOGGING_LEVEL": "", "SERVING_NAMESPACE": "default",
        "SERVING_SERVICE": "sd", "SERVING_CONFIGURATION": "sd", "SERVING_REVISION": "sd-00001",
        "SERVING_POD": "sd-00001-abcde", "SERVING_POD_IP": "127.0.0.1", "SLUICE_DRAIN_QUIET": "200ms"})
    health = ("--header", "K-Network-Probe: queue", "--user-agent", "Knative-Activator-Probe",
              "http://127.0.0.1:8012/healthz")
    proxy.wait_until(lambda: proxy.curl(*health) == (200, b"queue"), "the activator's probe gets 200 and 'queue'")
    return proxy


def standin_alone(engine, root):
    """sd-standin draws an image"""
    with containers(engine) as start:
        draws(start_standin(start), 7860)


def sidecar(engine, root):
    """queue-proxy answers probes and passes requests on, beside an application in one pod"""
    with containers(engine) as start:
        proxy = start_queue_proxy(start, start_standin(start))
        kubelet = proxy.curl("--header", "K-Network-Probe: queue", "--user-agent", "kube-probe/1.34",
                             "http://127.0.0.1:8012/")
        expect(kubelet[0] == 200, f"the kubelet's probe gets {kubelet}")
        draws(proxy, 8012)
        status, _ = proxy.curl("http://127.0.0.1:9090/metrics")
        expect(status == 200, f"the autoscaler's port answers {status}")


def router(engine, root):
    """activator serves a pod that its pod file names"""
    with containers(engine) as start, tempfile.TemporaryDirectory() as folder:
        app = start_standin(start)
        start_queue_proxy(start, app)
        file = pathlib.Path(folder) / "pods.json"
        file.write_text(json.dumps({"revisions": [{
            "namespace": "default", "service": "sd", "name": "sd-00001", "containerConcurrency": 1,
            "timeoutSeconds": 300, "pods": [{"name": "sd-00001-abcde", "address": "127.0.0.1:8012"}]}]}))
        pathlib.Path(folder).chmod(0o755)
        activator = start("activator", "--listen", "127.0.0.1:8080", "--admin", "127.0.0.1:8081", "--pods",
                          "/pods/pods.json", "--drain-delay", "0s", pod=app, mounts=[(folder, "/pods")])
        activator.wait_until(lambda: activator.curl("http://127.0.0.1:8081/healthz")[0] == 200, "it is healthy")
        draws(activator, 8080)


def checker(engine, root):
    """sluice check reads a service file"""
    for name, status in (("demo.yaml", 0), ("stable-diffusion.yaml", 0)):
        done = engine.docker("run", "--rm", *HARDENED, "--network", "none", "--volume",
                             f"{root}/manifests/{name}:/{name}:ro", "sluice/sluice", "check", f"/{name}", check=False)
        expect(done.returncode == status, f"sluice check {name}: exit {done.returncode}: {done.stdout}{done.stderr}")


def without_engine(engine, root):
    """sluice up --runtime docker says which socket it lacks"""
    done = engine.docker("run", "--rm", *HARDENED, "--user", ANY_USER, "--network", "none", "--volume",
                         f"{root}/manifests/demo.yaml:/demo.yaml:ro", "sluice/sluice", "up", "--runtime", "docker",
                         "/demo.yaml", check=False)
    said = done.stdout + done.stderr
    expect(done.returncode not in (0, 126, 127) and done.returncode < 128, f"exit {done.returncode}: {said}")
    expect("docker.sock" in said, f"it does not name the socket: {said}")


RUNS = (standin_alone, sidecar, router, checker, without_engine)
