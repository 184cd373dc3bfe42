"""What users of a cluster rely on, with stock Knative's programs and with ours in their places.

Run by tests/cluster/run. SLUICE_CLUSTER_STACKS chooses (comma-separated; default all):
stock, proxy (our queue-proxy), activator (our activator), ours (both).
"""

import contextlib
import json
import os
import pathlib
import re
import subprocess
import threading
import time
import unittest

import load
from knative import Knative
from kube import wait_for
from node import Node

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
# (activator, queue-proxy)
STACKS = {"stock": ("stock", "stock"), "proxy": ("stock", "ours"), "activator": ("ours", "stock"),
          "ours": ("ours", "ours")}
IMAGES = {("activator", "stock"): "dev.local/activator:stock", ("activator", "ours"): "dev.local/activator:ours",
          ("queue", "stock"): "dev.local/queue:stock", ("queue", "ours"): "dev.local/queue-proxy:ours"}

CLIENTS = 8012  # an activator's port, without the Service before it
CLUSTER_ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
NO_CLUSTER = 75  # exit status: nothing of ours was tried
NODE = KNATIVE = None
REPORT = {}


def setUpModule():
    global NODE, KNATIVE
    NODE = Node(os.environ["SLUICE_CLUSTER_FOLDER"], os.environ["SLUICE_CLUSTER_PROGRAMS"])
    try:
        began = time.monotonic()
        NODE.up()
        print("node ready after %.0f s" % (time.monotonic() - began), flush=True)
        KNATIVE = Knative(NODE, HERE / "tools" / "knative", ROOT / "build" / "release")
        KNATIVE.install()
        print("Knative ready after %.0f s" % (time.monotonic() - began), flush=True)
    except Exception as problem:  # pylint: disable=broad-except
        print("cluster: no node or no stock Knative here: %s" % problem, flush=True)
        tearDownModule()
        os._exit(NO_CLUSTER)
    for program in ("queue-proxy", "activator", "sd-standin"):
        KNATIVE.load_ours(program)


def tearDownModule():
    if KNATIVE:
        KNATIVE.down()
    if NODE:
        NODE.down()
    out = ROOT / "build" / "cluster"
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.json").write_text(json.dumps(REPORT, indent=1) + "\n")
    for stack, figures in REPORT.items():
        for name, value in figures.items():
            print("%-10s %-42s %s" % (stack, name, value))


def service(name, service_ms=1000, startup_ms=0, annotations=None, concurrency=1, more=None):
    return {
        "apiVersion": "serving.knative.dev/v1", "kind": "Service",
        "metadata": {"name": name, "namespace": "default", "annotations": {
            "serving.knative.dev.alibabacloud/affinity": "cookie",
            "serving.knative.dev.alibabacloud/cookie-name": "sd",
            "serving.knative.dev.alibabacloud/cookie-timeout": "1800"} if more == "cookie" else {}},
        "spec": {"template": {
            "metadata": {"annotations": {
                "autoscaling.knative.dev/class": "kpa.autoscaling.knative.dev",
                "autoscaling.knative.dev/targetUtilizationPercentage": "100",
                "autoscaling.knative.dev/initial-scale": "0",
                "autoscaling.knative.dev/window": "6s", **(annotations or {})}},
            "spec": {"containerConcurrency": concurrency, "timeoutSeconds": 300, "containers": [{
                "name": "stable-diffusion", "image": "dev.local/sd-standin:ours",
                "args": ["--listen", "--port", "$(PORT)", "--service-ms", str(service_ms),
                         "--startup-ms", str(startup_ms)],
                "ports": [{"containerPort": load.APP_PORT, "name": "http1"}],
                "readinessProbe": {"tcpSocket": {"port": load.APP_PORT}}}]}}}}


class OnStack:
    """The tests; one class per stack below. A figure that the stock programs are known to miss is
    recorded for them and asserted for ours."""
    stack = ""

    @classmethod
    def setUpClass(cls):
        activator, queue = STACKS[cls.stack]
        configured = {"initial-scale": "0", "allow-zero-initial-scale": "true", "scale-to-zero-grace-period": "6s"}
        KNATIVE.configure("config-autoscaler", configured)
        KNATIVE.use_activator(IMAGES["activator", activator])
        KNATIVE.use_queue_proxy(IMAGES["queue", queue])
        cls.address = KNATIVE.activator_address()
        cls.ours = cls.stack == "ours"
        cls.figures = REPORT.setdefault(cls.stack, {})

    def deploy(self, *arguments, **options):
        wanted = service("%s-%s" % (self.stack, self._testMethodName.split("_")[1]), *arguments, **options)
        self.name = wanted["metadata"]["name"]
        self.addCleanup(KNATIVE.remove, self.name)
        self.revision = KNATIVE.deploy(wanted)
        return self.revision

    def ask(self, **options):
        return load.ask(self.address, self.revision, **options)

    def pods_ready(self):
        return [pod for pod in KNATIVE.pods(self.name) if any(
            c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))]

    def wait_pods(self, count):
        def all_ready():
            found = self.pods_ready()
            return found if len(found) == count else None
        return wait_for(all_ready, "%d pods ready" % count, 120, 0.5)

    def expect(self, name, value, good):
        """Recorded for every stack; must be good where both programs are ours."""
        self.figures[name] = value
        if self.ours:
            self.assertTrue(good, "%s: %s" % (name, value))

    # --- a: from zero under the load of five clients, and back.

    def test_headline(self):
        self.deploy(service_ms=1000, startup_ms=5000, annotations={"autoscaling.knative.dev/max-scale": "10"})
        pods_max, at_once_max, done = 0, 0, threading.Event()

        def watch():
            nonlocal pods_max, at_once_max
            while not done.wait(0.3):
                pods = KNATIVE.pods(self.name)
                pods_max = max(pods_max, len(pods))
                for pod in pods:
                    try:
                        at_once_max = max(at_once_max, load.standin(pod)["at_once_max"])
                    except (OSError, KeyError, ValueError):
                        continue  # not there yet
        watcher = threading.Thread(target=watch)
        watcher.start()
        command = ["hey", "-n", "50", "-c", "5", "-t", "180", "-m", "POST", "-d", load.BODY.decode()]
        for name, value in load.headers_for(self.revision).items():
            command += ["-host", value] if name == "Host" else ["-H", "%s: %s" % (name, value)]
        out = subprocess.run([*command, "http://%s%s" % (self.address, load.PATH)], capture_output=True, text=True,
                             check=True, timeout=300).stdout
        done.set()
        watcher.join()
        statuses = dict(re.findall(r"\[(\d+)\]\t(\d+) responses", out))
        self.assertEqual(statuses, {"200": "50"}, out)
        total = float(re.search(r"Total:\s+([\d.]+)", out)[1])
        self.figures["a: total, s (ideal 15)"] = round(total, 2)
        self.expect("a: pods at most", pods_max, pods_max <= 5)
        self.expect("a: at once in a pod at most", at_once_max, at_once_max == 1)
        KNATIVE.wait_scaled_to(self.name, 0)

    # --- c: an application is killed.

    def test_kill(self):
        self.deploy(service_ms=4000, annotations={
            "autoscaling.knative.dev/min-scale": "2", "autoscaling.knative.dev/max-scale": "2",
            "autoscaling.knative.dev/initial-scale": "2"})
        self.wait_pods(2)
        asking = [load.Asking(self.address, self.revision) for _ in range(6)]
        busy = wait_for(lambda: [p for p in self.pods_ready() if load.standin(p)["inside_now"] > 0], "a busy pod", 30)
        container = next(s["containerID"].split("//")[1] for s in busy[0]["status"]["containerStatuses"]
                         if s["name"] == "stable-diffusion")
        NODE.ctr("tasks", "kill", "-s", "KILL", container)
        statuses = [one.status() for one in asking]
        lost = sum(status != 200 for status in statuses)
        self.expect("c: lost of 6 when an application is killed", lost, lost <= 1)

    # --- d: clients leave.

    def test_leave(self):
        self.deploy(service_ms=1000, startup_ms=4000, annotations={"autoscaling.knative.dev/max-scale": "1"})
        for _ in range(10):
            load.departing_client(self.address, self.revision, 2)
        time.sleep(3)
        self.assertEqual(self.ask().status, 200)
        (pod,) = KNATIVE.pods(self.name)
        wait_for(lambda: load.standin(pod)["inside_now"] == 0, "the application to be idle", 60)
        stats = load.standin(pod)
        self.expect("d: of 10 departed clients' requests begun", stats["started"] - 1, stats["started"] == 1)
        self.expect("d: at once in the pod", stats["at_once_max"], stats["at_once_max"] == 1)
        # One that runs when its client leaves: the next one must wait for it.
        before = stats["started"]
        load.departing_client(self.address, self.revision, 0.5)
        wait_for(lambda: load.standin(pod)["started"] > before, "the request to begin", 30)
        time.sleep(0.6)
        self.assertEqual(self.ask().status, 200)
        stats = load.standin(pod)
        self.expect("d: at once after a running client left", stats["at_once_max"], stats["at_once_max"] == 1)

    def rss_mib(self, container):
        """Of the first process of that container in the revision's only pod."""
        (pod,) = KNATIVE.pods(self.name)
        wanted = next(s["containerID"].split("//")[1] for s in pod["status"]["containerStatuses"]
                      if s["name"] == container)
        pid = next(line.split()[1] for line in NODE.ctr("tasks", "ls").splitlines() if line.startswith(wanted))
        status = pathlib.Path("/proc/%s/status" % pid).read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024

    # --- e: the rows that every pair of programs must agree on.

    def test_rows(self):
        self.deploy(service_ms=50, annotations={"autoscaling.knative.dev/max-scale": "1"})
        self.assertEqual(self.ask().status, 200)
        self.figures["queue-proxy's memory, MiB"] = round(self.rss_mib("queue-proxy"), 1)
        echo = json.loads(self.ask(method="GET", path="/standin/echo", body=None,
                                   headers={"X-Forwarded-For": "1.2.3.4"}).body)
        fields = {}
        for name, value in echo["headers"]:
            fields.setdefault(name.lower(), []).append(value)
        self.assertEqual(fields["host"], [self.revision + ".default.example.com"])
        self.assertTrue(fields["x-forwarded-for"][0].startswith("1.2.3.4, "))
        for gone in ("knative-serving-revision", "knative-serving-namespace", "k-network-hash"):
            self.assertNotIn(gone, fields)
        unknown = load.ask(self.address, "no-such-revision")
        self.assertEqual((unknown.status, unknown.body.decode()), (
            404, 'Error getting active endpoint: revision.serving.knative.dev "no-such-revision" not found\n'))
        probe = self.ask(method="GET", path="/healthz", body=None, headers={"K-Network-Probe": "activator"})
        self.assertEqual((probe.status, probe.body), (200, b"activator"))
        for size in (0, 1000, 3_000_000):
            sent = os.urandom(size)
            got = json.loads(self.ask(path="/standin/upload", body=sent).body)
            self.assertEqual(got["length"], size)
        self.assertEqual(self.ask(method="GET", path="/standin/stream?chunks=5&interval_ms=50&bytes=10",
                                  body=None).status, 200)

    # --- f: scale-down and a restart of the autoscaler, under load.

    def test_scaling(self):
        self.deploy(service_ms=200, annotations={"autoscaling.knative.dev/max-scale": "4"})
        counts = load.closed_loop(self.address, self.revision, 4, 12)
        self.assertEqual(set(counts), {200}, counts)
        counts = load.closed_loop(self.address, self.revision, 1, 25)
        self.assertEqual(set(counts), {200}, counts)
        roll = threading.Thread(target=KNATIVE.kubectl, args=(
            "-n", "knative-serving", "rollout", "restart", "deployment/autoscaler"))
        roll.start()
        counts = load.closed_loop(self.address, self.revision, 2, 15)
        roll.join()
        KNATIVE.wait_available("autoscaler")
        self.assertEqual(set(counts), {200}, counts)


    # --- f: another revision, then other activators, under load.

    def test_rollout(self):
        KNATIVE.scale_activator(2)
        self.addCleanup(KNATIVE.scale_activator, 1)
        first = self.deploy(service_ms=200, startup_ms=2000, annotations={"autoscaling.knative.dev/max-scale": "3"})
        wait_for(lambda: KNATIVE.routed(self.name) == first, "the route", 60)
        target, done, counts = [first], threading.Event(), {}

        def as_the_ingress_says():
            while not done.wait(0.2):
                target[0] = KNATIVE.routed(self.name)

        def ask_on():
            counts.update(load.closed_loop(self.address, lambda: target[0], 3, done=done))
        threads = [threading.Thread(target=one) for one in (as_the_ingress_says, ask_on)]
        for thread in threads:
            thread.start()
        try:
            self.wait_pods(3)
            KNATIVE.update(self.name)
            wait_for(lambda: target[0] != first, "the route to the new revision", 60, 0.2)
            wait_for(lambda: all(pod["metadata"]["labels"]["serving.knative.dev/revision"] != first
                                 for pod in KNATIVE.pods(self.name)), "the old revision's pods to go", 120, 0.5)
            KNATIVE.restart_activator()
            time.sleep(3)
        finally:
            done.set()
            for thread in threads:
                thread.join()
        self.expect("f: answers over both roll-outs", counts, set(counts) == {200})
        self.assertGreater(counts.get(200, 0), 50)


class OnOurs(OnStack):
    """What stock cannot do, with manifests/knative/ applied as its README says."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        KNATIVE.drop_in()

    # --- b: a session stays on its pod.

    def ask_at(self, address, cookie=None):
        """At one activator, past the Service before all of them. Returns the pod and the session's cookie, if it
        is a new one."""
        answer = load.ask(address, self.revision, headers={"Cookie": cookie} if cookie else {}, port=CLIENTS)
        self.assertEqual(answer.status, 200)
        return answer.headers["Sluice-Pod"], answer.headers.get("Set-Cookie", "").split(";")[0]

    def test_sessions(self):
        KNATIVE.scale_activator(2)
        self.addCleanup(KNATIVE.scale_activator, 1)
        self.deploy(service_ms=200, more="cookie", annotations={
            "autoscaling.knative.dev/min-scale": "2", "autoscaling.knative.dev/max-scale": "2",
            "autoscaling.knative.dev/initial-scale": "2"})
        self.wait_pods(2)
        first, second = sorted(KNATIVE.activators().items())
        sessions = {}  # pod: cookie

        def one_on_each():
            both = [threading.Thread(target=lambda: sessions.setdefault(*self.ask_at(first[1]))) for _ in range(2)]
            for one in both:
                one.start()
            for one in both:
                one.join()
            return len(sessions) == 2
        wait_for(one_on_each, "a session on each pod", 60)

        def all_stay(address):
            for pod, cookie in sessions.items():
                for _ in range(5):
                    self.assertEqual(self.ask_at(address, cookie)[0], pod)
        # With two activators, neither of which knows what the other has seen.
        all_stay(first[1])
        all_stay(second[1])
        # With an activator that was not there when they began.
        KNATIVE.kubectl("-n", "knative-serving", "delete", "pod", first[0], "--wait=false")
        fresh = wait_for(lambda: set(KNATIVE.activators()) - {first[0], second[0]}, "a new activator", 60)
        all_stay(KNATIVE.activators()[fresh.pop()])
        # Their pod dies: they get another one, and stay there.
        gone = sorted(sessions)[0]
        cookie = sessions.pop(gone)
        KNATIVE.kubectl("-n", "default", "delete", "pod", gone, "--grace-period=0", "--force")
        moved, cookie = self.ask_at(second[1], cookie)
        self.assertTrue(cookie)
        self.assertNotEqual(moved, gone)
        sessions[moved] = cookie
        for address in KNATIVE.activators().values():
            all_stay(address)

    # --- g: no rights but its own; one that is missing.

    def test_rights(self):
        roles = set()
        for kind in ("rolebindings", "clusterrolebindings"):
            for binding in NODE.api.items("/apis/rbac.authorization.k8s.io/v1/" + kind):
                if any(s["kind"] == "ServiceAccount" and (s["namespace"], s["name"]) == ("knative-serving", "activator")
                       for s in binding.get("subjects", [])):
                    roles.add(binding["roleRef"]["name"])
        self.assertEqual(roles, {"knative-serving-activator", "knative-serving-activator-cluster",
                                 "sluice-activator-sessions"})
        # All that the other tests needed was there.
        for name in KNATIVE.activators():
            self.assertEqual(KNATIVE.events_of(name, "watch_failed"), [])
        self.deploy(service_ms=20, more="cookie")
        sessions = CLUSTER_ROLES + "/sluice-activator-sessions"
        with self.without(sessions, "services"):
            KNATIVE.restart_activator()
            ((name, address),) = KNATIVE.activators().items()
            self.assertEqual(self.ask_at(address)[1], "")
            self.assert_said_once(name, "knative services (sessions need them)")
        wait_for(lambda: self.ask().headers["Set-Cookie"], "a session", 60, 1)
        # One of stock's: no revision is known.
        with self.without(CLUSTER_ROLES + "/knative-serving-activator-cluster", "revisions"):
            KNATIVE.restart_activator()
            ((name, address),) = KNATIVE.activators().items()
            self.assertEqual(load.ask(address, self.revision, port=CLIENTS).status, 404)
            self.assert_said_once(name, "revisions")
        wait_for(lambda: self.ask().status == 200, "a request to be served", 60, 1)

    @contextlib.contextmanager
    def without(self, role, resource):
        """The cluster role lacks its rule for that resource, or the rule lacks the resource."""
        rules = NODE.api.get(role)["rules"]
        less = [{**rule, "resources": [one for one in rule["resources"] if one != resource]} for rule in rules]
        NODE.api.patch(role, {"rules": [rule for rule in less if rule["resources"]]})
        try:
            yield
        finally:
            NODE.api.patch(role, {"rules": rules})

    def assert_said_once(self, activator, resource):
        wait_for(lambda: KNATIVE.events_of(activator, "watch_failed"), "a line about it", 30, 0.5)
        time.sleep(5)  # it goes on asking
        (line,) = KNATIVE.events_of(activator, "watch_failed")
        self.assertEqual((line["message"], line["resource"]), ("no right to list and watch (403)", resource))

    # --- Every manifest that is for a cluster with Knative.

    def test_manifests(self):
        KNATIVE.define_monitors()
        manifests = ROOT / "manifests"
        for path in (manifests / "stable-diffusion.yaml", manifests / "demo.yaml",
                     manifests / "knative" / "sessions-role.yaml", manifests / "monitoring" / "monitors.yaml"):
            with self.subTest(path.name):
                self.assertIn("(server dry run)", KNATIVE.dry_run(path.read_text()))
        # A PrometheusRule has the groups of rules.yml as its spec.
        rules = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule",
                 "metadata": {"name": "sluice", "namespace": "default"}}
        indented = "".join("  " + line + "\n" for line in
                           (manifests / "monitoring" / "rules.yml").read_text().splitlines())
        head = "".join("%s: %s\n" % (key, json.dumps(value)) for key, value in rules.items())
        self.assertIn("(server dry run)", KNATIVE.dry_run(head + "spec:\n" + indented))
        # As a kustomize component beside Knative's own.
        self.assertIn("deployment.apps/activator", KNATIVE.dry_run(KNATIVE.kustomized()))


def chosen():
    named = os.environ.get("SLUICE_CLUSTER_STACKS", ",".join(STACKS)).split(",")
    return [name for name in named if name and name != "standalone"]


for chosen_stack in chosen():
    title = "Stack_" + chosen_stack
    tests = OnOurs if chosen_stack == "ours" else OnStack
    globals()[title] = type(title, (tests, unittest.TestCase), {"stack": chosen_stack})

if __name__ == "__main__":
    unittest.main(verbosity=2)
