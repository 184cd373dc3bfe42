"""Knative Serving on the node: its own YAML with image names put in, and our images in place of its
activator and queue-proxy. There is no Envoy: KIngress objects are marked ready, and the tests send
what an ingress would, to `activator-service`, with the two headers that name the revision.
"""

import json
import os
import pathlib
import re
import shutil
import threading
import time

from kube import ApiError, wait_for
from programs import run

PROGRAMS = ("activator", "autoscaler", "controller", "queue", "webhook")
INGRESS_CLASS = "test.ingress.networking.knative.dev"
INGRESSES = "/apis/networking.internal.knative.dev/v1alpha1"
SYSTEM = "/api/v1/namespaces/knative-serving"
DEPLOYMENTS = "/apis/apps/v1/namespaces/knative-serving/deployments"
SERVICES = "/apis/serving.knative.dev/v1/namespaces/default/services"
REVISIONS = "/apis/serving.knative.dev/v1/namespaces/default/revisions"


def modules(tools):
    """Where the go client keeps the YAML of the pinned modules."""
    listed = run(["go", "list", "-m", "-f", "{{.Path}} {{.Dir}}", "knative.dev/serving", "knative.dev/networking",
                  "knative.dev/caching"], cwd=tools)
    return {path.rsplit("/", 1)[1]: pathlib.Path(folder) for path, folder in
            (line.split() for line in listed.splitlines())}


class Knative:
    def __init__(self, node, tools, release):
        """`tools`: tests/cluster/tools/knative; `release`: where our programs are built."""
        self.node, self.api = node, node.api
        self.modules = modules(tools)
        self.release = pathlib.Path(release)
        self.root = pathlib.Path(__file__).resolve().parents[2]
        self.end = threading.Event()
        self.marker = threading.Thread(target=self.mark_ingresses)

    # --- Installing.

    def kubectl(self, *arguments, text=None):
        return run([self.node.bin / "kubectl", "--kubeconfig", self.node.folder / "admin.json", *arguments],
                   **({"input": text} if text is not None else {}))

    def apply(self, *paths):
        texts = [re.sub(r"ko://knative\.dev/serving/cmd/([a-z]+)", r"dev.local/\1:stock", path.read_text())
                 for path in paths]
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", text="\n---\n".join(texts))

    def install(self):
        for program in PROGRAMS:
            self.load_go_program(program)
        core = self.modules["serving"] / "config" / "core"
        networking = self.modules["networking"] / "config"
        self.apply(core / "100-namespace.yaml")
        self.apply(core / "200-serviceaccount.yaml", *sorted((core / "200-roles").glob("*.yaml")),
                   *sorted((core / "300-resources").glob("*.yaml")), self.modules["caching"] / "config" / "image.yaml",
                   networking / "certificate.yaml", networking / "domain-claim.yaml", networking / "ingress.yaml",
                   networking / "serverlessservice.yaml")
        self.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        self.apply(core / "300-knativecertificate.yaml", *sorted((core / "configmaps").glob("*.yaml")),
                   networking / "config-network.yaml", core / "999-cache.yaml",
                   *sorted((core / "webhooks").glob("*.yaml")))
        self.configure("config-network", {"ingress-class": INGRESS_CLASS})
        self.apply(*[core / "deployments" / (name + ".yaml")
                     for name in ("activator", "autoscaler", "controller", "webhook")])
        self.marker.start()
        for name in ("webhook", "controller", "autoscaler", "activator"):
            self.wait_available(name)

    def load_go_program(self, program):
        folder = self.node.folder / "img" / program
        folder.mkdir()
        shutil.copy(self.node.bin / program, folder / program)
        self.node.load_image("dev.local/%s:stock" % program, folder, ["/" + program], "65532")
        shutil.rmtree(folder)

    def load_ours(self, program):
        """An image of one of our programs, as the Dockerfile lays it out."""
        folder = self.node.folder / "img" / program
        run([self.root / "scripts" / "make-rootfs", self.release / program, folder])
        self.node.load_image("dev.local/%s:ours" % program, folder, ["/" + program], "65532")
        shutil.rmtree(folder)

    def configure(self, name, data):
        self.api.patch("%s/configmaps/%s" % (SYSTEM, name), {"data": data})

    def wait_available(self, name, seconds=180):
        def available():
            found = self.api.get("%s/%s" % (DEPLOYMENTS, name))
            status = found["status"]
            return status.get("observedGeneration") == found["metadata"]["generation"] and \
                status.get("updatedReplicas") == status.get("replicas") == status.get("availableReplicas")
        wait_for(available, "Deployment %s to be available" % name, seconds)

    # --- Manifests.

    def dry_run(self, text):
        """What the API server says of it, its webhooks included; nothing is kept."""
        return self.kubectl("apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-", text=text)

    def kustomized(self):
        """manifests/knative/ as a component beside Knative's own YAML."""
        core = self.modules["serving"] / "config" / "core"
        folder = self.node.folder / "kustomized"
        folder.mkdir()
        shutil.copytree(self.root / "manifests" / "knative", folder / "knative")
        (folder / "serving-core.yaml").write_text("\n---\n".join(
            (core / path).read_text() for path in ("deployments/activator.yaml", "configmaps/deployment.yaml")))
        (folder / "kustomization.yaml").write_text("resources: [serving-core.yaml]\ncomponents: [knative]\n")
        return self.kubectl("kustomize", folder)

    def define_monitors(self):
        """The kinds of the Prometheus Operator that manifests/monitoring/ has objects of."""
        pinned = pathlib.Path(__file__).resolve().parent / "tools" / "prometheus-operator"
        name = "github.com/prometheus-operator/prometheus-operator"
        module = json.loads(run(["go", "mod", "download", "-json", name], cwd=pinned,
                                env={**os.environ, "GOWORK": "off"}))
        for kind in ("servicemonitors", "podmonitors", "prometheusrules"):
            self.kubectl("apply", "--server-side", "-f", pathlib.Path(
                module["Dir"], "example", "prometheus-operator-crd", "monitoring.coreos.com_%s.yaml" % kind))
        self.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")

    # --- Which images serve.

    def use_queue_proxy(self, image):
        """For revisions made from now on."""
        self.configure("config-deployment", {"queue-sidecar-image": image})

    def use_activator(self, image, replicas=1):
        self.kubectl("-n", "knative-serving", "set", "image", "deployment/activator", "activator=" + image)
        # What drop_in() may have left.
        self.kubectl("-n", "knative-serving", "set", "env", "deployment/activator", "SLUICE_SHARE_PODS-")
        self.scale_activator(replicas)

    def scale_activator(self, replicas):
        self.api.patch("%s/activator/scale" % DEPLOYMENTS, {"spec": {"replicas": replicas}})
        self.wait_available("activator")
        wait_for(lambda: len(self.activators()) == replicas, "%d activators" % replicas)

    def drop_in(self):
        """manifests/knative/ as its README says, with the names of our images."""
        folder = self.root / "manifests" / "knative"
        ours = lambda name: re.sub(r"\bsluice/([a-z-]+):[0-9.]+", r"dev.local/\1:ours", (folder / name).read_text())
        self.kubectl("apply", "-f", folder / "sessions-role.yaml")
        if not self.api.find(SYSTEM + "/secrets/sluice-cookie-key"):
            self.kubectl("-n", "knative-serving", "create", "secret", "generic", "sluice-cookie-key",
                         "--from-literal=keys=" + "5" * 64)
        self.kubectl("-n", "knative-serving", "patch", "deployment", "activator", "--patch", ours("activator.yaml"))
        self.kubectl("-n", "knative-serving", "patch", "configmap", "config-deployment",
                     "--patch", ours("queue-proxy.yaml"))
        self.scale_activator(1)

    def restart_activator(self):
        self.kubectl("-n", "knative-serving", "rollout", "restart", "deployment/activator")
        self.wait_available("activator")

    def activators(self):
        """{name: address} of those that serve, the ones on their way out not counted."""
        found = self.api.items(SYSTEM + "/pods?labelSelector=app=activator")
        return {pod["metadata"]["name"]: pod["status"]["podIP"] for pod in found
                if "deletionTimestamp" not in pod["metadata"] and any(
                    c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))}

    def events_of(self, pod, event):
        """The lines of that event in an activator's log, decoded."""
        log = self.kubectl("-n", "knative-serving", "logs", pod)
        lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
        return [line for line in lines if line.get("event") == event]

    # --- Services.

    def deploy(self, service):
        """Creates the Service and waits until its first revision is known. Returns the revision's name."""
        name = service["metadata"]["name"]
        wait_for(lambda: self.api.call("POST", SERVICES, service), "Service %s to be taken" % name, 30, 1)

        def created():
            return self.api.get("%s/%s" % (SERVICES, name))["status"].get("latestCreatedRevisionName")
        return wait_for(created, "the revision of %s" % name)

    def remove(self, name):
        self.api.delete("%s/%s" % (SERVICES, name))
        wait_for(lambda: not self.pods(name), "the pods of %s to be gone" % name, 180, 0.5)

    def pods(self, service):
        """Of those that are not on their way out."""
        found = self.api.items("/api/v1/namespaces/default/pods?labelSelector=serving.knative.dev/service=" + service)
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def wait_scaled_to(self, service, count, seconds=180):
        wait_for(lambda: len(self.pods(service)) == count, "%d pods of %s" % (count, service), seconds, 0.5)

    def routed(self, name):
        """The revision that an ingress would send to now: all of a Service's traffic goes to one here."""
        ingress = self.api.get("%s/namespaces/default/ingresses/%s" % (INGRESSES, name))
        (split,) = ingress["spec"]["rules"][0]["http"]["paths"][0]["splits"]
        return split["appendHeaders"]["Knative-Serving-Revision"]

    def update(self, name):
        """Another revision, of the same application."""
        self.api.patch("%s/%s" % (SERVICES, name), {"spec": {"template": {"metadata": {"annotations": {
            "sluice.test/round": str(time.monotonic())}}}}})

    def activator_address(self):
        return self.api.get(SYSTEM + "/services/activator-service")["spec"]["clusterIP"]

    # --- In an ingress controller's place.

    def mark_ingresses(self):
        while not self.end.wait(0.2):
            try:
                for ingress in self.api.items(INGRESSES + "/ingresses"):
                    self.mark_ingress(ingress)
            except (ApiError, OSError, ValueError):
                continue

    def mark_ingress(self, ingress):
        about, status = ingress["metadata"], ingress.get("status", {})
        ready = any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", []))
        if "deletionTimestamp" in about or (ready and status.get("observedGeneration") == about["generation"]):
            return
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        where = {"ingress": [{"domainInternal": "gateway.knative-serving.svc.cluster.local"}]}
        conditions = [{"type": kind, "status": "True", "lastTransitionTime": now}
                      for kind in ("LoadBalancerReady", "NetworkConfigured", "Ready")]
        self.api.patch("%s/namespaces/%s/ingresses/%s/status" % (INGRESSES, about["namespace"], about["name"]),
                       {"status": {"observedGeneration": about["generation"], "publicLoadBalancer": where,
                                   "privateLoadBalancer": where, "conditions": conditions}})

    def down(self):
        self.end.set()
        if self.marker.is_alive():
            self.marker.join()

    def describe_troubles(self):
        """What an engineer would look at first."""
        lines = []
        for pod in self.api.items("/api/v1/pods"):
            for status in pod["status"].get("containerStatuses", []):
                if not status["ready"]:
                    lines.append("%s/%s: %s" % (pod["metadata"]["name"], status["name"], json.dumps(status["state"])))
        return "\n".join(lines)
