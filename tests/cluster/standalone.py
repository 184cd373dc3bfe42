"""manifests/standalone/ on the node, with our images made here; Deployments, their pods, the gateway."""

import http.client
import json
import pathlib
import re
import shutil

import load
from kube import wait_for
from programs import run

ROOT = pathlib.Path(__file__).resolve().parents[2]
MANIFESTS = ROOT / "manifests" / "standalone"
NAMESPACE = "sluice-system"
SYSTEM = "/api/v1/namespaces/" + NAMESPACE
DEPLOYMENTS = "/apis/apps/v1/namespaces/%s/deployments"
LEASE = "/apis/coordination.k8s.io/v1/namespaces/%s/leases/sluice-activator" % NAMESPACE
CONFIG = {"scale-to-zero-grace-period": "6s"}


class Standalone:
    def __init__(self, node, release):
        self.node, self.api, self.release = node, node.api, pathlib.Path(release)

    def kubectl(self, *arguments, text=None):
        return run([self.node.bin / "kubectl", "--kubeconfig", self.node.folder / "admin.json", *arguments],
                   **({"input": text} if text is not None else {}))

    def load_image(self, program):
        folder = self.node.folder / "img" / program
        run([ROOT / "scripts" / "make-rootfs", self.release / program, folder])
        self.node.load_image("dev.local/%s:ours" % program, folder, ["/" + program], "65532")
        shutil.rmtree(folder)

    def manifests(self):
        """All of the folder, with the names of our images."""
        return re.sub(r"\bsluice/([a-z-]+):[0-9.]+", r"dev.local/\1:ours", self.kubectl("kustomize", MANIFESTS))

    def install(self):
        for program in ("activator", "queue-proxy", "sd-standin"):
            self.load_image(program)
        text = self.manifests()
        self.kubectl("apply", "-f", MANIFESTS / "namespace.yaml")
        self.kubectl("apply", "--server-side", "--dry-run=server", "-f", "-", text=text)
        self.kubectl("apply", "-f", "-", text=text)
        self.api.call("POST", SYSTEM + "/configmaps", {
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "config-autoscaler"}, "data": CONFIG})
        for name, count in (("sluice-webhook", 2), ("sluice-activator", 2)):
            self.wait_available(name, count)
        wait_for(self.leader, "an activator to lead", 60)

    def wait_available(self, name, count, seconds=120):
        def available():
            found = self.api.get("%s/%s" % (DEPLOYMENTS % NAMESPACE, name))
            status = found["status"]
            return status.get("observedGeneration") == found["metadata"]["generation"] and \
                count == status.get("updatedReplicas") == status.get("replicas") == status.get("availableReplicas")
        wait_for(available, "%d pods of %s" % (count, name), seconds)

    # --- Who is there.

    def leader(self):
        """The leading activator's pod."""
        lease = self.api.find(LEASE)
        holder = lease["spec"].get("holderIdentity", "") if lease else ""
        return holder.split("@")[0] or None

    def activators(self):
        """{name: address} of those that serve."""
        found = self.api.items(SYSTEM + "/pods?labelSelector=app=sluice-activator")
        return {pod["metadata"]["name"]: pod["status"]["podIP"] for pod in found if is_ready(pod)}

    def gateway(self):
        return self.api.get(SYSTEM + "/services/sluice")["spec"]["clusterIP"]

    def pods(self, name):
        """Of a Deployment, those that are not on their way out."""
        found = self.api.items("/api/v1/namespaces/default/pods?labelSelector=app=" + name)
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def log(self, pod):
        return self.kubectl("-n", NAMESPACE, "logs", pod)

    def tail(self, namespace, pod, container, lines=80):
        return self.kubectl("-n", namespace, "logs", pod, "-c", container, "--tail=%d" % lines)

    def keep_logs(self):
        """The activators' logs, beside the node's (KEEP_LOGS)."""
        for pod in self.activators():
            (self.node.folder / "log" / (pod + ".log")).write_text(self.log(pod))

    def kill_container(self, pod, container):
        """SIGKILL, as the kernel would when memory runs out."""
        status = self.api.get("%s/pods/%s" % (SYSTEM, pod))["status"]["containerStatuses"]
        wanted = next(s["containerID"].split("//")[1] for s in status if s["name"] == container)
        self.node.ctr("tasks", "kill", "-s", "KILL", wanted)

    # --- Deployments.

    def deploy(self, deployment):
        return self.api.call("POST", DEPLOYMENTS % "default", deployment)

    def remove(self, name):
        self.api.delete("%s/%s" % (DEPLOYMENTS % "default", name))
        self.kubectl("-n", "default", "delete", "pods", "-l", "app=" + name, "--grace-period=0", "--force",
                     "--ignore-not-found")
        wait_for(lambda: not self.pods(name), "the pods of %s to be gone" % name, 60, 0.5)

    def replicas(self, name):
        return self.api.get("%s/%s" % (DEPLOYMENTS % "default", name))["spec"]["replicas"]


def is_ready(pod):
    return "deletionTimestamp" not in pod["metadata"] and any(
        c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))


def deployment(name, service_ms=1000, startup_ms=0, annotations=None, more=None):
    """A Deployment of the stand-in, as its owner would write it."""
    return {
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default", "labels": {"sluice.dev/inject": "true"}},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name, "sluice.dev/inject": "true"}, "annotations": {
                    "autoscaling.knative.dev/target-utilization-percentage": "100",
                    "autoscaling.knative.dev/window": "6s", **(annotations or {})}},
                "spec": {"containers": [{
                    "name": "stable-diffusion", "image": "dev.local/sd-standin:ours",
                    "args": ["--listen", "--port", "$(PORT)", "--service-ms", str(service_ms),
                             "--startup-ms", str(startup_ms)],
                    "ports": [{"containerPort": load.APP_PORT, "name": "http"}],
                    "readinessProbe": {"tcpSocket": {"port": "http"}, "periodSeconds": 1}}], **(more or {})}}}}


def ask(address, name, method="POST", path=load.PATH, body=load.BODY, headers=None, port=80, timeout=180):
    """One request of a client; the Host says which Deployment is meant."""
    connection = http.client.HTTPConnection(address, port, timeout=timeout)
    try:
        connection.request(method, path, body, {
            "Host": name + ".default.example.com", "Content-Type": "application/json", **(headers or {})})
        answer = connection.getresponse()
        return load.Answer(answer.status, answer.headers, answer.read(), 0)
    finally:
        connection.close()


def lines_of(log, event):
    """The log lines of that event, decoded."""
    decoded = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return [line for line in decoded if line.get("event") == event]
