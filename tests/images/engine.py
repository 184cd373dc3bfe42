"""A Docker Engine of the test's own, and the public base image that the Dockerfile names, made here."""
import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

START_DEADLINE_S = 60
END_DEADLINE_S = 60
BASE = "debian:bookworm-slim"
SUITE = "bookworm"
# Debian's own programs first: another client on PATH may want a newer engine.
PATH = "/usr/sbin:/usr/bin:/sbin:/bin:" + os.environ.get("PATH", "")


class EngineError(Exception):
    """No engine can be had on this machine; says why."""


class TestFailure(Exception):
    """An image is not as it must be."""


def wait_until(holds, what, seconds):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return
        time.sleep(0.1)
    raise TestFailure(f"waited {seconds} s in vain until {what}")


class Engine:
    """dockerd with everything in one temporary folder. It makes no bridge and no firewall rule: builds
    use the host's network (only they need packages), containers get loopback only. Ended by its pid."""

    def __init__(self):
        if os.geteuid() != 0:
            raise EngineError("it needs root")
        for program, package in (("dockerd", "docker.io"), ("docker", "docker.io"), ("debootstrap", "debootstrap")):
            if not shutil.which(program, path=PATH):
                raise EngineError(f"{program} is not installed (scripts/install-packages docker, package {package})")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-images-"))
        self.socket = self.folder / "socket"
        (self.folder / "config.json").write_text("{}")
        self.env = dict(os.environ, PATH=PATH, DOCKER_HOST=f"unix://{self.socket}",
                        DOCKER_CONFIG=str(self.folder / "client"), DOCKER_BUILDKIT="0")
        self.log = self.folder / "log"
        # --pdeathsig: whatever happens to the test, the engine does not stay.
        command = ["setpriv", "--pdeathsig", "TERM", "dockerd", f"--host={self.env['DOCKER_HOST']}",
                   f"--data-root={self.folder}/data", f"--exec-root={self.folder}/exec",
                   f"--pidfile={self.folder}/pid", f"--config-file={self.folder}/config.json", "--bridge=none",
                   "--iptables=false", "--ip-forward=false", "--ip-masq=false"]
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=self.env)
        try:
            self.wait_until_it_answers()
        except BaseException:
            self.end()
            raise

    def wait_until_it_answers(self):
        deadline = time.monotonic() + START_DEADLINE_S
        while time.monotonic() < deadline and self.process.poll() is None:
            if self.docker("version", check=False).returncode == 0:
                return
            time.sleep(0.2)
        said = self.log.read_text(errors="replace").strip().splitlines()
        raise EngineError("dockerd does not start: " + (said[-1] if said else "it said nothing"))

    def docker(self, *words, check=True, **more):
        """Runs the client to its end; its output is text. Raises TestFailure when it fails and `check`."""
        done = subprocess.run(["docker", *map(str, words)], env=self.env, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, **more)
        if check and done.returncode != 0:
            raise TestFailure(f"docker {' '.join(map(str, words))} (exit {done.returncode}):\n"
                              f"{done.stdout[-4000:]}{done.stderr[-4000:]}")
        return done

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(END_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        # dockerd leaves its own network namespace mounted there.
        namespace = self.folder / "exec" / "netns" / "default"
        if os.path.ismount(namespace) or namespace.exists():
            subprocess.run(["umount", "--lazy", str(namespace)], stderr=subprocess.DEVNULL, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def engine():
    running = Engine()
    try:
        yield running
    finally:
        running.end()


def package_sources():
    """This machine's sources of Debian packages: [(address, suite, components)], as apt has them configured."""
    fields = "$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)"
    listed = subprocess.run(["apt-get", "indextargets", "Created-By: Packages", "--format", fields],
                            capture_output=True, text=True, check=True).stdout
    found = {}
    for line in listed.splitlines():
        origin, address, suite, component = line.split("|")
        if origin == "Debian" and suite.startswith(SUITE):
            found.setdefault((address, suite), []).append(component)
    return [(address, suite, sorted(set(components))) for (address, suite), components in found.items()]


def make_base(running):
    """Imports a minimal Debian 12 under the name by which the Dockerfile asks for it. What it knows about
    package sources is what this machine knows; none of it is part of the images, which start from scratch."""
    sources = package_sources()
    mirrors = [address for address, suite, _ in sources if suite == SUITE]
    if not mirrors:
        raise EngineError(f"apt knows no source of Debian's {SUITE} (run apt-get update)")
    root = running.folder / "base"
    done = subprocess.run(["debootstrap", "--variant=minbase", SUITE, str(root), mirrors[0]], capture_output=True,
                          text=True, check=False)
    if done.returncode != 0:
        raise EngineError("debootstrap failed: " + (done.stdout + done.stderr).strip()[-2000:])
    lines = [f"deb {address} {suite} {' '.join(components)}\n" for address, suite, components in sources]
    (root / "etc/apt/sources.list").write_text("".join(lines))
    settings = subprocess.run(["apt-config", "dump", "--no-empty", "--format", '%F "%v";%n', "Acquire"],
                              capture_output=True, text=True, check=True).stdout
    (root / "etc/apt/apt.conf.d/99host").write_text(settings)
    # As the public image has it: no sync for each file, no manuals.
    (root / "etc/dpkg/dpkg.cfg.d/docker").write_text("force-unsafe-io\n" + "".join(
        f"path-exclude /usr/share/{folder}/*\n" for folder in ("doc", "info", "locale", "man")))
    for left in (root / "var/cache/apt/archives").glob("*.deb"):
        left.unlink()
    with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as tar:
        subprocess.run(["docker", "import", "-", BASE], stdin=tar.stdout, env=running.env, check=True,
                       stdout=subprocess.DEVNULL)
    shutil.rmtree(root)
