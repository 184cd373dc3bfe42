"""The programs that a scenario puts side by side: how each is started, what it costs, how it ends.

Everything listens on 127.0.0.1 with ports of its own. Costs come from the kernel: CPU from
/proc/PID/task/*/schedstat (nanoseconds on a CPU, user and system), memory from /proc/PID/status.
"""
import contextlib
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
START_DEADLINE_S = 30  # under valgrind, on a busy machine
END_DEADLINE_S = 10
NGINX_UPSTREAM_IDLE = 256  # connections kept to the backend
NEVER = 1_000_000_000
PEERS = {"haproxy": "/usr/sbin/haproxy", "nginx": "/usr/sbin/nginx"}  # not on everybody's PATH
SERVICE_DOMAIN = "bench.test"  # where there are many services: s0.bench.test, s1.bench.test, …


class BenchError(Exception):
    """Something did not start, answer or end as it must; the figures mean nothing."""


def raise_descriptor_limit():
    """As far as the kernel lets us: `waiting` needs two descriptors for each request."""
    for wanted in (1_048_576, resource.getrlimit(resource.RLIMIT_NOFILE)[1]):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
            return
        except (ValueError, OSError):
            continue


def peer(name):
    """Where a peer's program is; None if it is not installed."""
    return shutil.which(name) or shutil.which(PEERS[name])


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """One contender's program, or a part of its set-up."""

    def __init__(self, command, port, env=None, log=None):
        self.port = port
        self.log = log
        out = open(log, "wb") if log else subprocess.DEVNULL
        self.child = subprocess.Popen([str(part) for part in command], stdout=out, stderr=out,
                                      stdin=subprocess.DEVNULL, env=env)
        self.command = str(command[0])
        self.wait_for_port()

    def wait_for_port(self):
        deadline = time.monotonic() + START_DEADLINE_S
        while time.monotonic() < deadline and self.child.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        said = pathlib.Path(self.log).read_text(errors="replace")[-2000:] if self.log else ""
        self.end()
        raise BenchError(f"{self.command} does not listen on port {self.port}; it said: {said}")

    def cpu_ns(self):
        total = 0
        for task in pathlib.Path(f"/proc/{self.child.pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
        return total

    def status_kib(self, field):
        for line in pathlib.Path(f"/proc/{self.child.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1])
        raise BenchError(f"{self.command} ended")

    def rss_mib(self):
        return self.status_kib("VmRSS") / 1024

    def forget_peak(self):
        pathlib.Path(f"/proc/{self.child.pid}/clear_refs").write_text("5")

    def peak_rss_mib(self):
        return self.status_kib("VmHWM") / 1024

    def end(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
        try:
            return self.child.wait(END_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.child.kill()
            return self.child.wait()


class Activator(Process):
    """An activator says what it knows on its admin port."""

    def revisions(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/api/status", timeout=30) as answer:
            return json.load(answer)["revisions"]

    def revision(self):
        return self.revisions()[0]


def wait_until(holds, what, seconds=START_DEADLINE_S):
    deadline = time.monotonic() + seconds
    pause = 0.02
    while time.monotonic() < deadline:
        try:
            if holds():
                return
        except (OSError, IndexError):
            pass
        time.sleep(pause)
        pause = min(pause * 1.2, 0.5)  # who asks often disturbs what is measured
    raise BenchError(f"waited {seconds} s in vain until {what}")


def write_pods(file, pods, limit, annotations=None, services=0):
    """One revision with these pods; or many services of one revision each, all with the same pods."""
    names = [f"s{i}" for i in range(services)] or ["bench"]
    revisions = [{"namespace": "bench", "service": name, "name": f"{name}-00001", "containerConcurrency": limit,
                  "timeoutSeconds": 300, "annotations": annotations or {},
                  "pods": [{"name": f"{name}-{p.port}", "address": f"127.0.0.1:{p.port}"} for p in pods]}
                 for name in names]
    text = json.dumps({"revisions": revisions})
    file.with_suffix(".new").write_text(text)
    file.with_suffix(".new").rename(file)  # whole at any moment


class Starter:
    """Starts programs and ends all that still run when the scenario is over."""

    def __init__(self, build, folder):
        self.build, self.folder = pathlib.Path(build), pathlib.Path(folder)
        self.running = []
        self.wrapper = []  # words before the command of our own programs: a tool that watches them

    def program(self, name):
        path = self.build / name
        if not path.exists():
            raise BenchError(f"{path} is not built (make bench builds it)")
        return path

    def start(self, name, command, port, env=None):
        kind = Activator if name == "activator" else Process
        process = kind(command, port, env, self.folder / f"{name}-{port}.log")
        self.running.append(process)
        return process

    def end(self, process):
        self.running.remove(process)
        return process.end()

    def end_all(self):
        while self.running:
            self.end(self.running[-1])

    # --- What may stand before the backend

    def backend(self, *options):
        port = free_port()
        return self.start("backend", [self.program("bench-backend"), "--port", port, *options], port)

    def floor(self, backend):
        port = free_port()
        command = [self.program("bench-floor"), "--port", port, "--backend", backend.port]
        return self.start("floor", command, port)

    def queue_proxy(self, backend, limit, **extra):
        """`extra`: more of its environment."""
        port = free_port()
        env = dict(os.environ, CONTAINER_CONCURRENCY=str(limit), QUEUE_SERVING_PORT=str(port),
                   QUEUE_SERVING_TLS_PORT="", USER_PORT=str(backend.port), REVISION_TIMEOUT_SECONDS="300",
                   SERVING_LOGGING_CONFIG="", SERVING_LOGGING_LEVEL="warn", SERVING_NAMESPACE="bench",
                   SERVING_CONFIGURATION="bench", SERVING_REVISION="bench-00001",
                   SERVING_POD=f"bench-{port}", SERVING_POD_IP="127.0.0.1",
                   SLUICE_BIND_ADDRESS="127.0.0.1", SLUICE_ADMIN_PORT=str(free_port()),
                   SLUICE_STATS_PORT=str(free_port()), SLUICE_DRAIN_QUIET="10ms")
        env.update(extra)
        return self.start("queue-proxy", [*self.wrapper, self.program("queue-proxy")], port, env)

    def certificate(self):
        """A folder with a self-signed certificate and its key (P-256): tls.crt, tls.key, both.pem."""
        folder = self.folder / "certificate"
        folder.mkdir()
        crt, key = folder / "tls.crt", folder / "tls.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "1", "-subj", "/CN=bench", "-keyout", key, "-out", crt],
                       check=True, capture_output=True)
        (folder / "both.pem").write_text(crt.read_text() + key.read_text())
        return folder

    def tls_queue_proxy(self, backend, limit, certificate):
        port = free_port()
        process = self.queue_proxy(backend, limit, QUEUE_SERVING_TLS_PORT=str(port),
                                   SLUICE_CERTIFICATE_DIRECTORY=str(certificate))
        process.tls_port = port
        return process

    def activator(self, pods, limit, annotations=None, services=0, options=()):
        """`pods`: queue-proxies. One revision, so any Host means it; with `services` as many of them.
        `options`: more of its command line."""
        port, admin = free_port(), free_port()
        file = self.folder / f"pods-{port}.json"
        write_pods(file, pods, limit, annotations, services)
        command = [*self.wrapper, self.program("activator"), "--listen", f"127.0.0.1:{port}",
                   "--admin", f"127.0.0.1:{admin}", "--pods", file, "--drain-delay", "0s", *options]
        process = self.start("activator", command, port)
        process.admin, process.pods_file = admin, file
        wait_until(lambda: all(r["pods_ready"] == len(pods) for r in process.revisions()), "all pods are ready", 120)
        return process

    def haproxy(self, backends, limit, cookie=False, clients=2_000, options=(), services=0, tls=None):
        """One thread, keep-alive both ways, connections to the backend shared by all clients. `services`: a
        backend for each, chosen by Host. `tls`: a file with certificate and key. None if not installed."""
        program = peer("haproxy")
        if not program:
            return None
        port, admin = free_port(), free_port()
        maxconn = f" maxconn {limit}" if limit else ""
        servers = "".join(f"  server s{i} 127.0.0.1:{b.port}{maxconn}"
                          + (f" cookie s{i}" if cookie else "") + "\n" for i, b in enumerate(backends))
        names = [f"s{i}.{SERVICE_DOMAIN}" for i in range(services)] or ["b"]
        file = self.folder / f"haproxy-{port}.cfg"
        file.write_text(
            f"global\n  nbthread 1\n  maxconn {clients}\n"
            "defaults\n  mode http\n  http-reuse always\n  timeout connect 5s\n  timeout client 300s\n"
            "  timeout server 300s\n  timeout queue 300s\n"
            f"frontend f\n  bind 127.0.0.1:{port}" + (f" ssl crt {tls} alpn http/1.1" if tls else "") + "\n"
            + ("  use_backend %[req.hdr(host)]\n" if services else "  default_backend b\n")
            + f"frontend admin\n  bind 127.0.0.1:{admin}\n  monitor-uri /healthz\n  stats enable\n  stats uri /stats\n"
            + "".join(f"backend {name}\n  balance leastconn\n" + "".join(f"  option {o}\n" for o in options)
                      + ("  cookie SRV insert indirect nocache\n" if cookie else "") + servers for name in names))
        process = self.start("haproxy", [program, "-db", "-f", file], port)
        process.admin, process.tls_port = admin, port
        return process

    def nginx(self, backends):
        """One process, kept connections, no buffering, no queue. None if not installed."""
        program = peer("nginx")
        if not program:
            return None
        port = free_port()
        prefix = self.folder / f"nginx-{port}"
        prefix.mkdir()
        servers = " ".join(f"server 127.0.0.1:{b.port};" for b in backends)
        temporary = " ".join(f"{kind}_temp_path {prefix}/{kind};" for kind in
                             ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        file = prefix / "nginx.conf"
        file.write_text(
            f"daemon off; master_process off; pid {prefix}/pid; error_log stderr crit;\n"
            "events { worker_connections 16384; }\n"
            f"http {{ access_log off; {temporary} client_max_body_size 0; keepalive_requests {NEVER};\n"
            f"upstream b {{ {servers} keepalive {NGINX_UPSTREAM_IDLE}; keepalive_requests {NEVER}; }}\n"
            f"server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://b;\n"
            "proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_buffering off;\n"
            "proxy_request_buffering off; proxy_read_timeout 300s; } } }\n")
        return self.start("nginx", [program, "-p", prefix, "-e", "stderr", "-c", file], port)

    # --- Load

    def load(self, target, *options, deadline=900):
        """Runs the load generator to its end and returns what it measured."""
        done = subprocess.run(self.load_command(target, options), capture_output=True, text=True, timeout=deadline)
        if done.returncode != 0:
            raise BenchError(f"load generator: {done.stderr.strip()}")
        return json.loads(done.stdout)

    @contextlib.contextmanager
    def load_in_background(self, target, *options):
        """The running load generator; killed at the end if it still runs."""
        load = subprocess.Popen(self.load_command(target, options), stdout=subprocess.PIPE, text=True)
        try:
            yield load
        finally:
            if load.poll() is None:
                load.kill()
            load.wait()
            load.stdout.close()

    def tls_load(self, port, *options):
        command = [self.program("bench-tls-load"), "--port", port, *options]
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            raise BenchError(f"load generator: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def load_command(self, target, options):
        """`target`: a process or several, among which the connections are dealt out."""
        targets = target if isinstance(target, list) else [target]
        ports = [word for process in targets for word in ("--port", str(process.port))]
        return [str(self.program("bench-load")), *ports, *map(str, options)]


def all_good(result, who):
    bad = {name: result[name] for name in ("other_status", "broken", "left_over", "late") if result[name]}
    if bad or not result["good"]:
        raise BenchError(f"{who}: not every request was answered with 200: {bad or result}")
    return result
