"""Knative Serving on the node: its own YAML with image names put in, and our images in place of its
activator and queue-proxy. There is no Envoy: KIngress objects are marked ready, and the tests send
what an ingress would, to `activator-service`, with the two headers that name the revision.
"""

import json
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

    # --- Which images serve.

    def use_queue_proxy(self, image):
        """For revisions made from now on."""
        self.configure("config-deployment", {"queue-sidecar-image": image})

    def use_activator(self, image, replicas=1):
        self.kubectl("-n", "knative-serving", "set", "image", "deployment/activator", "activator=" + image)
        self.api.patch("%s/activator/scale" % DEPLOYMENTS, {"spec": {"replicas": replicas}})
        self.wait_available("activator")

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
