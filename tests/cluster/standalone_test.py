"""Kubernetes without Knative: manifests/standalone/ as a user applies it. Run by tests/cluster/run."""

import json
import os
import pathlib
import subprocess
import re
import threading
import time
import unittest

import load
import standalone
from kube import ApiError, wait_for
from node import Node
from standalone import Standalone, ask, deployment, is_ready, lines_of

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CLIENTS = 8012  # an activator's port, without the Service before it
NO_CLUSTER = 75  # exit status: nothing of ours was tried
NODE = OURS = None


def setUpModule():
    global NODE, OURS
    NODE = Node(os.environ["SLUICE_CLUSTER_FOLDER"], os.environ["SLUICE_CLUSTER_PROGRAMS"])
    began = time.monotonic()
    try:
        NODE.up()
        print("node ready after %.0f s" % (time.monotonic() - began), flush=True)
    except Exception as problem:  # pylint: disable=broad-except
        print("cluster: no node here: %s" % problem, flush=True)
        NODE.down()
        os._exit(NO_CLUSTER)
    OURS = Standalone(NODE, ROOT / "build" / "release")
    try:
        OURS.install()
    except BaseException:
        NODE.down()
        raise
    print("installed after %.0f s" % (time.monotonic() - began), flush=True)


def tearDownModule():
    OURS.keep_logs()
    NODE.down()


class StandaloneTests(unittest.TestCase):
    def setUp(self):
        self.done = threading.Event()
        # Threads that ask until then end with their test, whatever came of it.
        self.addCleanup(self.done.set)

    def tearDown(self):
        """Where it failed: what the activators and the Deployment's pods said, for whoever has only the output."""
        outcome = self._outcome.result
        if not any(test is self for test, _ in outcome.failures + outcome.errors):
            return
        for name in OURS.activators():
            print("--- %s\n%s" % (name, OURS.tail(standalone.NAMESPACE, name, "activator")), flush=True)
        for pod in OURS.pods(getattr(self, "name", "")):
            name = pod["metadata"]["name"]
            print("--- %s\n%s" % (name, OURS.tail("default", name, "queue-proxy")), flush=True)

    def deploy(self, *arguments, **options):
        self.name = self._testMethodName.split("_")[1]
        self.addCleanup(OURS.remove, self.name)
        return OURS.deploy(deployment(self.name, *arguments, **options))

    def pods_ready(self):
        return [pod for pod in OURS.pods(self.name) if is_ready(pod)]

    def wait_pods(self, count, seconds=120):
        def all_ready():
            found = self.pods_ready()
            return found if len(found) == count else None
        return wait_for(all_ready, "%d pods ready" % count, seconds, 0.3)

    # --- The webhook.

    def test_injection(self):
        made = self.deploy(annotations={"autoscaling.knative.dev/initial-scale": "1"})
        self.assertEqual(made["spec"]["replicas"], 1)
        (pod,) = self.wait_pods(1)
        app, proxy = pod["spec"]["containers"]
        self.assertEqual((app["name"], proxy["name"]), ("stable-diffusion", "queue-proxy"))
        self.assertNotIn("readinessProbe", app)
        self.assertEqual(app["lifecycle"]["preStop"]["httpGet"]["path"], "/wait-for-drain")
        env = {one["name"]: one.get("value") for one in proxy["env"]}
        self.assertEqual((env["CONTAINER_CONCURRENCY"], env["USER_PORT"], env["SERVING_REVISION"]),
                         ("1", str(load.APP_PORT), self.name))
        self.assertEqual(json.loads(env["SERVING_READINESS_PROBE"])["tcpSocket"]["port"], load.APP_PORT)
        self.assertGreaterEqual(pod["spec"]["terminationGracePeriodSeconds"], 300)

    def test_refusals(self):
        self.name = "refusals"
        with self.assertRaises(ApiError) as refused:
            OURS.deploy(deployment(self.name, annotations={"sluice.dev/queue-limit": "0"}))
        self.assertIn("annotation sluice.dev/queue-limit: ", str(refused.exception))
        self.assertIn("an integer from 1 to 1000000", str(refused.exception))
        # A pod of nobody's cannot be served.
        pod = deployment("alone")["spec"]["template"]
        pod.update({"apiVersion": "v1", "kind": "Pod"})
        pod["metadata"]["name"] = "alone"
        with self.assertRaises(ApiError) as refused:
            OURS.api.call("POST", "/api/v1/namespaces/default/pods", pod)
        self.assertIn("only pods of a Deployment", str(refused.exception))

    # --- h: from zero to as many as it takes, and back.

    def test_headline(self):
        made = self.deploy(service_ms=1000, startup_ms=2000, annotations={"autoscaling.knative.dev/max-scale": "10"})
        self.assertEqual(made["spec"]["replicas"], 0)
        command = ["hey", "-n", "40", "-c", "5", "-t", "180", "-m", "POST", "-d", load.BODY.decode(),
                   "-host", self.name + ".default.example.com", "http://%s%s" % (OURS.gateway(), load.PATH)]
        out = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout
        statuses = dict(re.findall(r"\[(\d+)\]\t(\d+) responses", out))
        self.assertEqual(statuses, {"200": "40"}, out)
        print("headline: %.1f s" % float(re.search(r"Total:\s+([\d.]+)", out)[1]), flush=True)
        pods = self.pods_ready()
        self.assertEqual(len(pods), 5)
        self.assertEqual([load.standin(pod)["at_once_max"] for pod in pods], [1] * 5)
        # What the owner says about `replicas` counts no more.
        path = "%s/%s" % (standalone.DEPLOYMENTS % "default", self.name)
        self.assertEqual(OURS.api.patch(path, {"spec": {"replicas": 1}})["spec"]["replicas"], 5)
        wait_for(lambda: OURS.replicas(self.name) == 0, "no replicas", 90, 0.5)
        wait_for(lambda: not OURS.pods(self.name), "no pods", 60, 0.5)

    # --- Scale-in: never the pod that has work. Kubernetes by itself would take the newest one.

    def test_fewer(self):
        self.deploy(service_ms=3000, annotations={
            "autoscaling.knative.dev/max-scale": "3", "serving.knative.dev.alibabacloud/affinity": "cookie"})
        cookies, answers = {}, []

        def begin():
            answer = ask(OURS.gateway(), self.name)
            cookies[answer.headers["Sluice-Pod"]] = answer.headers["Set-Cookie"].split(";")[0]
        first = [threading.Thread(target=begin) for _ in range(3)]
        for one in first:
            one.start()
        for one in first:
            one.join()
        pods = self.wait_pods(3)
        self.assertEqual(set(cookies), {pod["metadata"]["name"] for pod in pods})
        newest = max(pods, key=lambda pod: pod["metadata"]["creationTimestamp"])["metadata"]["name"]

        def keep_asking():
            while not self.done.is_set():
                answer = ask(OURS.gateway(), self.name, headers={"Cookie": cookies[newest]})
                answers.append((answer.status, answer.headers["Sluice-Pod"]))
        client = threading.Thread(target=keep_asking)
        client.start()
        (left,) = wait_for(lambda: len(OURS.pods(self.name)) == 1 and OURS.pods(self.name), "one pod left", 60, 0.3)
        self.done.set()
        client.join()
        self.assertEqual(left["metadata"]["name"], newest)
        self.assertEqual(set(answers), {(200, newest)})

    # --- h: the one that scales is lost.

    def test_leader(self):
        self.deploy(service_ms=500, annotations={"autoscaling.knative.dev/max-scale": "3"})
        lost = OURS.leader()
        other, address = next((name, at) for name, at in OURS.activators().items() if name != lost)
        # From zero by the word of one that does not lead.
        self.assertEqual(ask(address, self.name, port=CLIENTS).status, 200)
        counts = []

        def keep_asking():
            while not self.done.is_set():
                counts.append(ask(address, self.name, port=CLIENTS).status)
        clients = [threading.Thread(target=keep_asking)]
        clients[0].start()
        began = time.monotonic()
        OURS.kill_container(lost, "activator")
        OURS.kubectl("-n", standalone.NAMESPACE, "delete", "pod", lost, "--grace-period=0", "--force")
        leader = wait_for(lambda: OURS.leader() != lost and OURS.leader(), "another leader", 60)
        print("leader: another one after %.1f s" % (time.monotonic() - began), flush=True)
        self.assertNotEqual(leader, lost)
        more = [threading.Thread(target=keep_asking) for _ in range(2)]
        for client in more:
            client.start()
        clients += more
        self.wait_pods(3, 60)
        self.done.set()
        for client in clients:
            client.join()
        self.assertEqual(set(counts), {200})
        self.assertIn(other, OURS.activators())
        wait_for(lambda: OURS.replicas(self.name) == 0, "no replicas", 90, 0.5)
        OURS.wait_available("sluice-activator", 2)

    # --- b: a session stays on its pod.

    def test_sessions(self):
        self.deploy(service_ms=200, annotations={
            "autoscaling.knative.dev/min-scale": "2", "autoscaling.knative.dev/max-scale": "2",
            "serving.knative.dev.alibabacloud/affinity": "cookie",
            "serving.knative.dev.alibabacloud/cookie-name": "sd"})
        self.wait_pods(2)
        first, second = sorted(OURS.activators().items())
        sessions = {}  # pod: cookie

        def session(answer):
            self.assertEqual(answer.status, 200)
            return answer.headers["Sluice-Pod"], answer.headers["Set-Cookie"].split(";")[0]

        def begin():
            pod, cookie = session(ask(first[1], self.name, port=CLIENTS))
            sessions.setdefault(pod, cookie)

        def one_on_each():
            both = [threading.Thread(target=begin) for _ in range(2)]
            for one in both:
                one.start()
            for one in both:
                one.join()
            return len(sessions) == 2
        wait_for(one_on_each, "a session on each pod", 30)

        def all_stay(address, port):
            for pod, cookie in sessions.items():
                for _ in range(5):
                    answer = ask(address, self.name, headers={"Cookie": cookie}, port=port)
                    self.assertEqual((answer.status, answer.headers["Sluice-Pod"]), (200, pod))
        # With two activators, neither of which knows what the other has seen.
        all_stay(first[1], CLIENTS)
        all_stay(second[1], CLIENTS)
        # With an activator that was not there when they began.
        OURS.kubectl("-n", standalone.NAMESPACE, "delete", "pod", first[0], "--wait=false")
        fresh = wait_for(lambda: set(OURS.activators()) - {first[0], second[0]}, "a new activator", 60)
        all_stay(OURS.activators()[fresh.pop()], CLIENTS)
        # Their pod goes: they get another one, and stay there.
        gone = sorted(sessions)[0]
        cookie = sessions.pop(gone)
        OURS.kubectl("-n", "default", "delete", "pod", gone, "--grace-period=0", "--force")
        moved, cookie = session(ask(second[1], self.name, headers={"Cookie": cookie}, port=CLIENTS))
        self.assertNotEqual(moved, gone)
        sessions[moved] = cookie
        all_stay(second[1], CLIENTS)
        all_stay(OURS.gateway(), 80)
        OURS.wait_available("sluice-activator", 2)

    # --- The sample, as it is and with the stand-in for its application.

    def test_sample(self):
        self.name = "stable-diffusion"
        text = (standalone.MANIFESTS / "sample" / "stable-diffusion.yaml").read_text()
        dry = json.loads(OURS.kubectl("apply", "--dry-run=server", "-o", "json", "-f", "-", text=text))
        self.assertEqual(dry["spec"]["replicas"], 0)
        self.addCleanup(OURS.remove, self.name)
        made = json.loads(OURS.kubectl("apply", "-o", "json", "-f", "-", text=text))
        app = made["spec"]["template"]["spec"]["containers"][0]
        self.assertEqual((app["readinessProbe"]["httpGet"]["path"], app["resources"]["limits"]["nvidia.com/gpu"]),
                         ("/internal/ping", "1"))
        # No GPU and no such image here: what is left is the stand-in's, and all else the sample's.
        OURS.api.call("PATCH", "%s/%s" % (standalone.DEPLOYMENTS % "default", self.name), [
            {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "dev.local/sd-standin:ours"},
            {"op": "remove", "path": "/spec/template/spec/containers/0/command"},
            {"op": "replace", "path": "/spec/template/spec/containers/0/args",
             "value": ["--listen", "--port", "$(PORT)", "--service-ms", "100"]},
            {"op": "remove", "path": "/spec/template/spec/containers/0/resources"}], "application/json-patch+json")
        answer = ask(OURS.gateway(), self.name)
        self.assertEqual(answer.status, 200)
        self.assertTrue(answer.headers["Set-Cookie"].startswith("sd="), answer.headers["Set-Cookie"])
        (pod,) = self.wait_pods(1)
        self.assertEqual(answer.headers["Sluice-Pod"], pod["metadata"]["name"])
        # Applied once more by its owner, it keeps its pods.
        OURS.kubectl("apply", "-f", "-", text=text)
        self.assertEqual(OURS.replicas(self.name), 1)

    # --- g: a right that is missing.

    def test_rights(self):
        # All that the other tests needed was there.
        for name in OURS.activators():
            self.assertNotIn("no right", OURS.log(name))
        leader = OURS.leader()
        path = "/apis/rbac.authorization.k8s.io/v1/clusterroles/sluice-activator"
        role = OURS.api.get(path)
        without = [rule for rule in role["rules"] if rule["resources"] != ["deployments/scale"]]
        self.assertEqual(len(without), len(role["rules"]) - 1)
        self.addCleanup(OURS.api.patch, path, {"rules": role["rules"]})
        OURS.api.patch(path, {"rules": without})
        self.deploy(service_ms=20)
        asked = threading.Thread(target=lambda: results.append(ask(OURS.gateway(), self.name).status))
        results = []
        asked.start()

        def said():
            return lines_of(OURS.log(leader), "scale_failed")
        wait_for(said, "a line about it", 30, 0.5)
        time.sleep(5)  # two more tries
        (line,) = said()
        self.assertEqual(line["message"],
                         "scaling Deployment default/rights: no right to do this (403); see the role")
        self.assertEqual(OURS.replicas(self.name), 0)
        # It is asked for again; and the request has waited.
        OURS.api.patch(path, {"rules": role["rules"]})
        asked.join(60)
        self.assertEqual(results, [200])


if __name__ == "__main__":
    unittest.main(verbosity=2)
